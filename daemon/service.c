/* SPDX-License-Identifier: MIT */
/* Numbers that stand in different places, put together. */
#include "daemon/service.h"

#include "daemon/clock.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/statm.h"

void tfl_service_read(const struct tfl_server *server, struct tfl_service *ret_service)
{
	const struct tfl_condition *conditions;
	struct tfl_scheduler_counts queue;
	unsigned count;

	tfl_scheduler_read(server->scheduler, NULL, &queue);
	*ret_service = (struct tfl_service){
		.uptime_ns = tfl_clock_ns() - server->started_ns,
		.requests = server->connections.requests,
		.resident_bytes = tfl_statm_read().resident,
		.connections = server->connections.count,
		.accepted = server->connections.accepted,
		.refused = server->connections.refused,
		.waiting = queue.waiting,
		.capacity = queue.capacity,
		.workers = server->worker_count,
		.busy = queue.running,
	};
	conditions = tfl_conditions_list(server->conditions, &count);
	for (unsigned i = 0; i < count; i++)
		ret_service->conditions[conditions[i].kind]++;
}
