/* SPDX-License-Identifier: MIT */
/*
 * A hand-off in both directions over one lock: `function` is set while a call is under way, and cleared by the thread when it is done.
 */
#include "daemon/spawner.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/util.h"

struct tfl_spawner {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*function)(void *argument);
	void *argument;
	bool stopping;
};

static void *run_thread(void *data)
{
	struct tfl_spawner *spawner = data;

	pthread_setname_np(pthread_self(), "tfl-spawner");
	pthread_mutex_lock(&spawner->lock);
	while (!spawner->stopping) {
		if (spawner->function) {
			spawner->function(spawner->argument);
			spawner->function = NULL;
			pthread_cond_signal(&spawner->changed);
		}
		pthread_cond_wait(&spawner->changed, &spawner->lock);
	}
	pthread_mutex_unlock(&spawner->lock);
	return NULL;
}

int tfl_spawner_create(struct tfl_spawner **ret_spawner)
{
	struct tfl_spawner *spawner = calloc(1, sizeof(*spawner));
	int result;

	if (!spawner)
		return -ENOMEM;
	pthread_mutex_init(&spawner->lock, NULL);
	pthread_cond_init(&spawner->changed, NULL);
	result = pthread_create(&spawner->thread, NULL, run_thread, spawner);
	if (result != 0) {
		pthread_cond_destroy(&spawner->changed);
		pthread_mutex_destroy(&spawner->lock);
		free(spawner);
		return -result;
	}
	*ret_spawner = spawner;
	return 0;
}

void tfl_spawner_destroy(struct tfl_spawner *spawner)
{
	if (!spawner)
		return;
	pthread_mutex_lock(&spawner->lock);
	spawner->stopping = true;
	pthread_cond_signal(&spawner->changed);
	pthread_mutex_unlock(&spawner->lock);
	pthread_join(spawner->thread, NULL);
	pthread_cond_destroy(&spawner->changed);
	pthread_mutex_destroy(&spawner->lock);
	free(spawner);
}

void tfl_spawner_call(void *data, void (*function)(void *argument), void *argument)
{
	struct tfl_spawner *spawner = data;

	pthread_mutex_lock(&spawner->lock);
	spawner->argument = argument;
	spawner->function = function;
	pthread_cond_signal(&spawner->changed);
	while (spawner->function)
		pthread_cond_wait(&spawner->changed, &spawner->lock);
	pthread_mutex_unlock(&spawner->lock);
}
