/* SPDX-License-Identifier: MIT */
/*
 * Two lists: all sessions, until they are over and have no job left, so that what they hold is counted; and those of each channel, which a request
 * names, until they are over. One that is over serves nobody, but its jobs may wait or run; whoever ends the last of them puts it into the list of
 * the ended, from which the loop takes it.
 *
 * Then the loop takes it out of the first list, a worker frees its interpreter, which may take milliseconds for its megabytes, and the loop answers who
 * closed it: by then there is room for another one.
 *
 * Ids come from a counter that starts somewhere: an id that a client remembers from before a restart of the daemon, or from another connection, is
 * none of this one.
 */
#include "daemon/sessions.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/account.h"
#include "daemon/channel.h"
#include "daemon/loader.h"
#include "daemon/version.h"
#include "runtime/interpreter.h"

#define ID_START_MASK ((UINT64_C(1) << 48) - 1) /* and 2^53 stays far, which JSON can say */

struct tfl_sessions {
	struct tfl_sessions_options options;
	struct tfl_session *first;
	unsigned count;
	uint64_t last_id;
	uint64_t alarm_ns;

	pthread_mutex_t lock;
	struct tfl_session *ended;
};

int tfl_sessions_create(const struct tfl_sessions_options *options, struct tfl_sessions **ret_sessions)
{
	struct tfl_sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
	sessions->options = *options;
	if (getrandom(&sessions->last_id, sizeof(sessions->last_id), GRND_NONBLOCK) != (ssize_t)sizeof(sessions->last_id))
		sessions->last_id = (uint64_t)(uintptr_t)sessions; /* before there is any randomness; then it is only likely */
	sessions->last_id &= ID_START_MASK;
	pthread_mutex_init(&sessions->lock, NULL);
	*ret_sessions = sessions;
	return 0;
}

void tfl_sessions_destroy(struct tfl_sessions *sessions)
{
	if (!sessions)
		return;
	tfl_sessions_collect(sessions);
	tfl_scheduler_do_chores(*sessions->options.scheduler);
	tfl_sessions_collect(sessions);
	assert(!sessions->first);
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

unsigned tfl_sessions_count(const struct tfl_sessions *sessions, const struct tfl_version *version)
{
	unsigned count = 0;

	for (const struct tfl_session *session = sessions->first; session; session = session->next)
		count += !version || session->version == version;
	return count;
}

/* ---- Opening ---- */

static int check_room(const struct tfl_sessions *sessions, const struct tfl_version *version, struct tfl_error *error)
{
	unsigned of_model = 0;

	for (const struct tfl_session *session = sessions->first; session; session = session->next)
		of_model += strcmp(session->version->model_name, version->model_name) == 0;
	if (of_model >= version->conf.sessions)
		return tfl_error_set(error, -ENOBUFS, "model '%s' may have %" PRIu64 " sessions at once (sessions in model.conf, or [models] sessions), "
				     "and has %u; try again when one of them is closed", version->model_name, version->conf.sessions, of_model);
	if (sessions->count >= TFL_SESSIONS_MAX)
		return tfl_error_set(error, -ENOBUFS, "there are %u sessions, as many as there may be; try again when one of them is closed",
				     sessions->count);
	return 0;
}

static void enlist(struct tfl_sessions *sessions, struct tfl_session *session)
{
	struct tfl_channel_sessions *of_channel = &session->channel->sessions;

	session->next = sessions->first;
	session->link = &sessions->first;
	if (sessions->first)
		sessions->first->link = &session->next;
	sessions->first = session;
	sessions->count++;
	session->channel_next = of_channel->first;
	session->channel_link = &of_channel->first;
	if (of_channel->first)
		of_channel->first->channel_link = &session->channel_next;
	of_channel->first = session;
}

static uint64_t due(const struct tfl_session *session)
{
	uint64_t idle_ns = session->used_ns + session->idle_ms * 1000000;

	return session->until_ns && session->until_ns < idle_ns ? session->until_ns : idle_ns;
}

/* Whoever has used a session meanwhile has moved its end, of which the alarm hears when it comes. */
static void set_alarm(struct tfl_sessions *sessions, uint64_t due_ns)
{
	if (sessions->alarm_ns && sessions->alarm_ns <= due_ns)
		return;
	sessions->alarm_ns = due_ns;
	sessions->options.alarm(sessions->options.alarm_data, due_ns);
}

int tfl_sessions_open(struct tfl_sessions *sessions, struct tfl_channel *channel, struct tfl_version *version, uint64_t now_ns,
		      struct tfl_session **ret_session, struct tfl_error *error)
{
	struct tfl_session *session;
	int r;

	r = check_room(sessions, version, error);
	if (r == 0)
		r = tfl_account_charge(channel->account, TFL_QUOTA_SESSIONS, 1, error);
	if (r < 0)
		return r;
	session = calloc(1, sizeof(*session));
	if (!session) {
		tfl_account_release(channel->account, TFL_QUOTA_SESSIONS, 1);
		return tfl_error_set(error, -ENOMEM, "no memory for one more session");
	}
	session->all = sessions;
	session->id = ++sessions->last_id;
	session->version = tfl_version_ref(version);
	session->channel = tfl_channel_ref(channel);
	session->idle_ms = version->conf.session_idle_ms;
	session->used_ns = now_ns;
	enlist(sessions, session);
	set_alarm(sessions, due(session));
	*ret_session = session;
	return 0;
}

/* ---- The end ---- */

static struct tfl_session_note note_of(const struct tfl_session *session, enum tfl_session_end end)
{
	return (struct tfl_session_note){
		.id = session->id,
		.version = session->version->number,
		.idle_ms = session->idle_ms,
		.end = end,
	};
}

static void leave_channel(struct tfl_session *session)
{
	if (!session->channel_link)
		return;
	*session->channel_link = session->channel_next;
	if (session->channel_next)
		session->channel_next->channel_link = session->channel_link;
	session->channel_link = NULL;
}

/* Any thread. */
static void hand_to_loop(struct tfl_session *session)
{
	struct tfl_sessions *sessions = session->all;

	pthread_mutex_lock(&sessions->lock);
	session->ended_next = sessions->ended;
	sessions->ended = session;
	pthread_mutex_unlock(&sessions->lock);
	sessions->options.wake(sessions->options.wake_data);
}

/* On a worker. */
static void free_interpreter(void *data)
{
	struct tfl_session *session = data;

	tfl_loader_free_interpreter(*session->all->options.loader, TFL_STEAL(session->interpreter), session->bytes);
	hand_to_loop(session);
}

static void destroy(struct tfl_session *session)
{
	const struct tfl_sessions_options *options = &session->all->options;

	tfl_version_unref(session->version);
	if (session->asked)
		options->closed(options->closed_data, session->channel, session->msgid);
	tfl_channel_unref(session->channel);
	free(session);
}

/* It is over, and no job is left. */
static void retire(struct tfl_session *session)
{
	struct tfl_sessions *sessions = session->all;

	leave_channel(session);
	*session->link = session->next;
	if (session->next)
		session->next->link = session->link;
	session->link = NULL;
	sessions->count--;
	tfl_account_release(session->channel->account, TFL_QUOTA_SESSIONS, 1);
	if (!session->interpreter) {
		destroy(session);
		return;
	}
	session->chore = (struct tfl_chore){.run = free_interpreter, .data = session};
	tfl_scheduler_add_chore(*sessions->options.scheduler, &session->chore);
}

static void end(struct tfl_session *session, enum tfl_session_end end)
{
	struct tfl_channel_sessions *of_channel = &session->channel->sessions;
	struct tfl_sessions *sessions = session->all;
	bool retires;

	if (end != TFL_SESSION_CLOSED)
		of_channel->notes[of_channel->noted++ % TFL_SESSION_NOTES] = note_of(session, end);
	leave_channel(session);
	pthread_mutex_lock(&sessions->lock);
	retires = session->end == TFL_SESSION_GOES_ON && session->jobs == 0;
	if (session->end == TFL_SESSION_GOES_ON)
		session->end = end;
	pthread_mutex_unlock(&sessions->lock);
	if (retires)
		retire(session);
}

void tfl_session_close(struct tfl_session *session, uint32_t msgid)
{
	session->asked = true;
	session->msgid = msgid;
	end(session, TFL_SESSION_CLOSED);
}

void tfl_session_drop(struct tfl_session *session)
{
	end(session, TFL_SESSION_CLOSED);
}

void tfl_sessions_hang_up(struct tfl_channel *channel)
{
	while (channel->sessions.first)
		end(channel->sessions.first, TFL_SESSION_CLOSED);
}

void tfl_sessions_leave(struct tfl_sessions *sessions, const struct tfl_version *version, uint64_t now_ns)
{
	for (struct tfl_session *session = sessions->first, *next; session; session = next) {
		next = session->next;
		if (session->version != version || !session->channel_link)
			continue;
		if (version->rejected[0]) {
			end(session, TFL_SESSION_REJECTED);
		} else {
			session->until_ns = now_ns + version->conf.session_grace_ms * 1000000;
			set_alarm(sessions, due(session));
		}
	}
}

/* A session is not idle while one of its requests waits or runs. */
static bool has_jobs(struct tfl_session *session)
{
	bool has;

	pthread_mutex_lock(&session->all->lock);
	has = session->jobs > 0;
	pthread_mutex_unlock(&session->all->lock);
	return has;
}

void tfl_sessions_expire(struct tfl_sessions *sessions, uint64_t now_ns)
{
	uint64_t next_ns = 0;

	for (struct tfl_session *session = sessions->first, *next; session; session = next) {
		next = session->next;
		if (!session->channel_link)
			continue;
		if (has_jobs(session))
			session->used_ns = now_ns;
		if (due(session) <= now_ns)
			end(session, session->until_ns && session->until_ns <= now_ns ? TFL_SESSION_UNLOADED : TFL_SESSION_IDLE);
		else if (!next_ns || due(session) < next_ns)
			next_ns = due(session);
	}
	sessions->alarm_ns = next_ns;
	sessions->options.alarm(sessions->options.alarm_data, next_ns);
}

void tfl_sessions_collect(struct tfl_sessions *sessions)
{
	struct tfl_session *session, *next;

	pthread_mutex_lock(&sessions->lock);
	session = TFL_STEAL(sessions->ended);
	pthread_mutex_unlock(&sessions->lock);
	for (; session; session = next) {
		next = session->ended_next;
		if (session->link)
			retire(session);
		else
			destroy(session);
	}
}

/* ---- Requests ---- */

static int tell_end(uint64_t id, const struct tfl_session_note *note, struct tfl_error *error)
{
	enum tfl_session_end end = note ? note->end : TFL_SESSION_CLOSED;

	if (end == TFL_SESSION_IDLE)
		return tfl_error_set(error, -ENOENT, "session %" PRIu64 " is over: it was not used for %" PRIu64 " s (session_idle in model.conf, or "
				     "[models] session_idle); open another one", id, note->idle_ms / 1000);
	if (end == TFL_SESSION_UNLOADED || end == TFL_SESSION_REJECTED)
		return tfl_error_set(error, -ENOENT, "session %" PRIu64 " is over: its version %" PRIu64 " %s; open another one", id, note->version,
				     end == TFL_SESSION_REJECTED ? "was rejected" : "was taken out of service, and its grace is over");
	return tfl_error_set(error, -ENOENT, "this connection has no session %" PRIu64 "; sessions end with their connection: open another one", id);
}

int tfl_sessions_find(struct tfl_channel *channel, uint64_t id, struct tfl_session **ret_session, struct tfl_error *error)
{
	const struct tfl_session_note *note = NULL;

	for (struct tfl_session *session = channel->sessions.first; session; session = session->channel_next) {
		if (session->id != id)
			continue;
		*ret_session = session;
		return 0;
	}
	for (unsigned i = 0; i < TFL_SESSION_NOTES; i++) {
		if (channel->sessions.notes[i].id == id)
			note = &channel->sessions.notes[i];
	}
	return tell_end(id, note, error);
}

int tfl_session_enter(struct tfl_session *session, uint64_t now_ns, struct tfl_error *error)
{
	bool goes_on;

	session->used_ns = now_ns;
	pthread_mutex_lock(&session->all->lock);
	goes_on = session->end == TFL_SESSION_GOES_ON;
	session->jobs += goes_on;
	pthread_mutex_unlock(&session->all->lock);
	return goes_on ? 0 : tell_end(session->id, NULL, error);
}

void tfl_session_leave(struct tfl_session *session)
{
	struct tfl_sessions *sessions = session->all;
	bool last;

	pthread_mutex_lock(&sessions->lock);
	last = --session->jobs == 0 && session->end != TFL_SESSION_GOES_ON;
	pthread_mutex_unlock(&sessions->lock);
	if (last)
		hand_to_loop(session);
}

/* ---- The job that runs ---- */

int tfl_session_begin(struct tfl_session *session, struct tfl_error *error)
{
	const struct tfl_version *version = session->version;
	int r = tfl_loader_make_interpreter(*session->all->options.loader, version, false, &session->interpreter, &session->bytes, error);

	return r < 0 ? tfl_error_prefix(error, r, "a session with version %" PRIu64 " of '%s' cannot begin", version->number, version->model_name)
		     : 0;
}

void tfl_session_fail(struct tfl_session *session)
{
	pthread_mutex_lock(&session->all->lock);
	if (session->end == TFL_SESSION_GOES_ON)
		session->end = TFL_SESSION_FAILED;
	pthread_mutex_unlock(&session->all->lock);
}

/* What was sent before it was closed is still answered. */
static int check_end(const struct tfl_session *session, struct tfl_error *error)
{
	const struct tfl_session_note note = note_of(session, session->end);

	if (note.end == TFL_SESSION_GOES_ON || note.end == TFL_SESSION_CLOSED)
		return 0;
	return tell_end(session->id, &note, error);
}

int tfl_session_check(const struct tfl_session *session, struct tfl_error *error)
{
	int r = check_end(session, error);

	if (r == 0 && session->spoiled)
		r = tfl_error_set(error, -EINVAL, "the state of session %" PRIu64 " was lost with a request that ended half-way: reset the session",
				  session->id);
	return r;
}

int tfl_session_reset(struct tfl_session *session, struct tfl_error *error)
{
	int r = check_end(session, error);

	if (r < 0)
		return r;
	tfl_interpreter_reset(session->interpreter);
	session->spoiled = false;
	return 0;
}
