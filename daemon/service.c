/* SPDX-License-Identifier: MIT */
/* Numbers that stand in different places, put together. */
#include "daemon/service.h"

#include "daemon/clock.h"
#include "daemon/fields.h"
#include "daemon/loader.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/statm.h"

void tfl_service_read(const struct tfl_server *server, struct tfl_service *ret_service)
{
	const struct tfl_loader_memory memory = tfl_loader_memory(server->loader);
	const struct tfl_condition *conditions;
	struct tfl_scheduler_counts queue;
	unsigned count;

	tfl_scheduler_read(server->scheduler, NULL, &queue);
	*ret_service = (struct tfl_service){
		.uptime_ns = tfl_clock_ns() - server->started_ns,
		.requests = server->connections.requests,
		.resident_bytes = tfl_statm_read().resident,
		.memory_used = memory.used,
		.memory_limit = memory.limit,
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

void tfl_service_write_memory(const struct tfl_server *server, struct tfl_writer *writer)
{
	const struct tfl_loader_memory memory = tfl_loader_memory(server->loader);

	tfl_field_map(writer, "memory", 3);
	tfl_field_uint(writer, "used", memory.used);
	tfl_field_uint(writer, "limit", memory.limit);
	tfl_field_bool(writer, "unload_idle", memory.unload_idle);
}
