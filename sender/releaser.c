#include "releaser.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/io.h"
#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"

#define VERSION_FILE "registry-version"

enum { VERSION_BYTES_MAX = 32, VERSION_FILE_MODE = 0640, DAY_S = 86400 };

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

static int read_version(int dir_fd, uint64_t *out)
{
	uint8_t *text = NULL;
	size_t len;
	int result = io_read_file(dir_fd, VERSION_FILE, VERSION_BYTES_MAX, &text, &len);
	if (result == -ENOENT) {
		*out = 0;
		return 0;
	}
	if (result != 0)
		return result;
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = 0;
	result = text_parse_u64(out, (const char *)text, UINT64_MAX) == 0 ? 0 : VERDICT_DAMAGED;
	free(text);
	return result;
}

/* The highest version that was ever in use never becomes lower. */
static int remember(const struct releaser *releaser, uint64_t version)
{
	uint64_t before;
	int dir_fd = spool_dir(releaser->spool);
	int result = read_version(dir_fd, &before);
	if (result != 0 || version == before)
		return result;
	if (version < before)
		return VERDICT_OLDER_REGISTRY;
	char text[VERSION_BYTES_MAX];
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", version);
	return io_write_file(dir_fd, VERSION_FILE, text, (size_t)len, VERSION_FILE_MODE);
}

int releaser_remember(struct releaser *releaser)
{
	return remember(releaser, registry_version(releaser->setup->registry));
}

int releaser_reload(struct releaser *releaser, struct setup_problem *problem)
{
	struct registry *registry = NULL;
	int result = setup_read_registry(&registry, releaser->setup, problem);
	if (result == 0)
		result = remember(releaser, registry_version(registry));
	if (result != 0) {
		registry_free(registry);
		return result;
	}
	setup_use_registry(releaser->setup, registry);
	releaser_watch_box(releaser);
	return 0;
}

/* What the receiver will ask of each release, page and heartbeat that this box signs. */
static int judge_box(const struct releaser *releaser, uint64_t now)
{
	const struct party *box = registry_party_by_key(releaser->setup->registry, KEY_SENDER,
							releaser->box->card.id);
	return box == NULL ? VERDICT_UNKNOWN_KEY : party_check(box, now);
}

void releaser_watch_box(struct releaser *releaser)
{
	int verdict = judge_box(releaser, now_s());
	if (verdict == releaser->box_verdict)
		return;
	releaser->box_verdict = verdict;
	if (verdict != 0)
		service_event(LOG_CRIT, "E1014",
			      "registry: the key of this box, '%s', does not count: %s [%s]: no receiver "
			      "listens to it, and every push is refused until a registry with a good key is loaded",
			      releaser->box->card.name, verdict_explain(verdict), verdict_name(verdict));
	else
		service_event(LOG_NOTICE, "E1014", "registry: the key of this box, '%s', counts again",
			      releaser->box->card.name);
}

int releaser_judge(struct releaser *releaser, const struct statement *statement,
		   const uint8_t signature[static SUITE_SIGNATURE_BYTES], const char **where)
{
	struct setup_problem problem;
	*where = statement->route;
	if (statement->registry_version > registry_version(releaser->setup->registry)) {
		int result = releaser_reload(releaser, &problem);
		if (result != 0) {
			*where = "registry";
			return result;
		}
	}
	const struct registry *registry = releaser->setup->registry;
	if (statement->registry_version != registry_version(registry)) {
		*where = "registry";
		return VERDICT_OLDER_REGISTRY;
	}
	uint64_t now = now_s();
	int result = registry_check(registry, now);
	if (result != 0) {
		*where = "registry";
		return result;
	}
	result = judge_box(releaser, now);
	if (result != 0) {
		*where = releaser->box->card.name;
		return result;
	}
	const struct route *route = registry_route(registry, statement->route);
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	result = route_check(route, now);
	if (result != 0)
		return result;
	*where = statement->person;
	return statement_check(registry, statement, signature, now);
}

/* What a held bundle still has to satisfy: after a crash its registry may have changed. */
static int judge_held(const struct releaser *releaser, const struct spool_item *item)
{
	const struct registry *registry = releaser->setup->registry;
	const struct statement *statement = &item->release.statement;
	uint64_t now = now_s();
	int result = registry_check(registry, now);
	const struct route *route = registry_route(registry, statement->route);
	if (result == 0)
		result = judge_box(releaser, now);
	if (result == 0)
		result = route == NULL ? VERDICT_UNKNOWN_ROUTE : route_check(route, now);
	return result != 0 ? result
			   : statement_check(registry, statement, item->release.person_signature, now);
}

int releaser_release(struct releaser *releaser, struct spool_item *item)
{
	const struct statement *statement = &item->release.statement;
	char push_id[2 * PUSH_ID_BYTES + 1];
	text_hex(push_id, sizeof(push_id), statement->push_id, PUSH_ID_BYTES);
	int result = judge_held(releaser, item);
	if (result == 0) {
		struct spool_terms terms = {
			.box = releaser->box,
			.route_id = registry_route(releaser->setup->registry, statement->route)->id,
			.released_at = now_s(),
			.repair_permille = releaser->setup->config.repair_permille,
		};
		result = spool_release(releaser->spool, item, &terms);
	}
	if (result != 0) {
		service_event(LOG_WARNING, "E1005", "spool: push %s of '%s' stays held: %s [%s]", push_id,
			      statement->person, verdict_explain(result),
			      result > 0 ? verdict_name(result) : "environment");
		return result;
	}
	releaser->has_changed = true;
	service_event(LOG_NOTICE, "E1003", "spool: '%s' released: push %s of '%s', %" PRIu64 " bytes",
		      item->name, push_id, statement->person, item->object_len);
	return 0;
}

void releaser_release_held(struct releaser *releaser)
{
	/* what was released has left the front of the list; what was not is passed over */
	for (int numbered = 1; numbered >= 0; numbered--) {
		size_t i = 0;
		while (i < spool_count(releaser->spool)) {
			struct spool_item *item = spool_at(releaser->spool, i);
			if (item->state != SPOOL_HELD)
				break;
			if (spool_has_number(releaser->spool, item) != (numbered == 1) ||
			    releaser_release(releaser, item) != 0)
				i++;
		}
	}
}

void releaser_retire(struct releaser *releaser)
{
	uint64_t now = now_s();
	uint64_t retention_s = (uint64_t)releaser->setup->config.retention_days * DAY_S;
	for (size_t i = spool_count(releaser->spool); i-- > 0;) {
		struct spool_item *item = spool_at(releaser->spool, i);
		bool is_old = now > item->release.released_at &&
			      now - item->release.released_at > retention_s;
		if (item->state != SPOOL_SENT ||
		    (!is_old && now <= item->release.statement.destroy_by))
			continue;
		char name[BUNDLE_NAME_BYTES];
		memcpy(name, item->name, sizeof(name));
		int result = spool_remove(releaser->spool, item);
		if (result == 0)
			service_event(LOG_NOTICE, "E1007",
				      "spool: '%s' removed: it is beyond its retention time", name);
		else
			service_event(LOG_ERR, "E1008", "spool: '%s' cannot be removed: %s", name,
				      verdict_explain(result));
		releaser->has_changed = true;
	}
}
