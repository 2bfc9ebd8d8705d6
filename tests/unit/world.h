/*
 * world: the parties of tests/vectors (their README), and whole objects made for them in memory, for
 * the tests of pack and unpack.
 */
#ifndef WEIR_TEST_WORLD_H
#define WEIR_TEST_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/geometry.h"
#include "common/io.h"
#include "common/registry.h"
#include "common/verdict.h"
#include "receiver/unpack.h"
#include "sender/pack.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

/* 2026-06-01, when everybody in the registry is in good standing. */
static const uint64_t world_now = 1780272000;

static inline void world_need(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

static inline struct registry *world_registry(void)
{
	char problem[PROBLEM_BYTES];
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	world_need(roots_load(&roots, "tests/vectors/roots/ok.conf", problem) == 0 &&
			   registry_load(&registry, "tests/vectors/registry/ok.conf", roots, problem) == 0,
		   "cannot load the registry of the vectors");
	roots_free(roots);
	return registry;
}

/* The key whose secret the README of the vectors names. */
static inline struct key world_key(enum key_kind kind, const char *name)
{
	struct key key = {.card.kind = kind};
	char words[128];
	snprintf(words, sizeof(words), "weir test vector %s %s", key_kind_name(kind), name);
	suite_hash(key.secret, SUITE_KEY_BYTES, NULL, NULL, 0, words, strlen(words));
	memcpy(key.card.name, name, strlen(name));
	key_complete(&key);
	return key;
}

/* A file in memory: the release segment comes first, and a sink appends. */
struct world_file {
	int fd;
	uint64_t len;
	int fail_after; /* the sink fails at this call, from 1; 0: never */
	int calls;
};

static inline int world_sink(void *context, const void *data, size_t len)
{
	struct world_file *file = context;
	if (++file->calls == file->fail_after)
		return -ENOSPC;
	int result = io_pwrite(file->fd, data, len, file->len);
	file->len += len;
	return result;
}

static inline struct world_file world_file(void)
{
	struct world_file file = {.fd = memfd_create("object", MFD_CLOEXEC), .len = SEGMENT_BYTES};
	world_need(file.fd >= 0, "no memory for a file");
	return file;
}

struct world_member {
	const char *name;
	const uint8_t *data;
	size_t len;
};

static inline struct pack *world_pack_for(struct world_file *file, const struct route *route,
					  enum record_rule rule, unsigned int threads)
{
	uint8_t psk[STANZAS_MAX][SUITE_KEY_BYTES];
	for (size_t i = 0; i < route->recipient_count; i++)
		memcpy(psk[i], world_key(KEY_PSK, route->recipients[i]->card.name).secret, SUITE_KEY_BYTES);
	const struct pack_options options = {
		.route = route,
		.psk = (const uint8_t(*)[SUITE_KEY_BYTES])psk,
		.rule = rule,
		.threads = threads,
		.sink = world_sink,
		.context = file,
	};
	struct pack *pack = NULL;
	world_need(pack_start(&pack, &options) == 0, "cannot start to pack");
	return pack;
}

static inline struct pack *world_pack(struct world_file *file, const struct registry *registry,
				      const char *route_name, enum record_rule rule, unsigned int threads)
{
	return world_pack_for(file, registry_route(registry, route_name), rule, threads);
}

/* Fills in what pack_finish leaves to its caller, signs, and writes the release segment. */
static inline void world_release(const struct world_file *file, const struct registry *registry,
				 const char *route_name, struct statement *statement)
{
	const struct route *route = registry_route(registry, route_name);
	struct key person = world_key(KEY_PERSON, "wang-mei"), box = world_key(KEY_SENDER, "inside-1");
	memcpy(statement->route, route->name, NAME_BYTES);
	memcpy(statement->person, person.card.name, NAME_BYTES);
	memcpy(statement->person_key, person.card.id, KEY_ID_BYTES);
	statement->registry_version = registry_version(registry);
	statement->created = world_now;
	statement->destroy_by = world_now + 86400;
	struct geometry g = geometry_choose(bundle_object_len(statement), 125);
	struct release release = {
		.route_id = route->id,
		.epoch = 5,
		.number = 123,
		.released_at = world_now + 1,
		.row_len = g.row_len,
		.source_rows = g.source_rows,
		.repair_rows = g.repair_rows,
		.statement = *statement,
	};
	memcpy(release.box, box.card.name, NAME_BYTES);
	memcpy(release.box_key, box.card.id, KEY_ID_BYTES);
	uint8_t segment[SEGMENT_BYTES];
	struct endorsements endorsements;
	endorse_push(&endorsements, statement, person.secret);
	world_need(release_segment_encode(segment, &release, &endorsements, box.secret) == 0,
		   "cannot sign");
	world_need(io_pwrite(file->fd, segment, sizeof(segment), 0) == 0, "cannot write the release");
}

/* A whole object of these members. */
static inline struct world_file world_object(const struct registry *registry, const char *route,
					     enum record_rule rule, const struct world_member *members,
					     size_t count)
{
	struct world_file file = world_file();
	struct statement statement = {0};
	struct pack *pack = world_pack(&file, registry, route, rule, 0);
	int result = 0;
	for (size_t i = 0; result == 0 && i < count; i++) {
		result = pack_member_begin(pack, members[i].name, 1780000000, 5);
		if (result == 0)
			result = pack_add(pack, members[i].data, members[i].len);
		if (result == 0)
			result = pack_member_end(pack);
	}
	if (result == 0)
		result = pack_finish(pack, &statement);
	world_need(result == 0, "cannot pack");
	pack_free(pack);
	world_release(&file, registry, route, &statement);
	return file;
}

/* Verified and unlocked by this recipient; the result of the first step that fails. */
static inline int world_unlock(struct unpack **out, int fd, const struct registry *registry,
			       const char *recipient)
{
	struct key key = world_key(KEY_RECIPIENT, recipient), psk = world_key(KEY_PSK, recipient);
	struct unpack *u = NULL;
	int result = unpack_open(&u, fd);
	if (result == 0)
		result = unpack_verify(u, registry, NULL, NULL);
	if (result == 0)
		result = unpack_unlock(u, &key, psk.secret);
	if (result == 0)
		*out = u;
	else
		unpack_free(u);
	return result;
}

#endif
