#include "lifeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/command.h"
#include "common/service.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"

static struct life life_of(const struct lifeline *l)
{
	struct life life = {
		.epoch = spool_epoch(l->spool),
		.beat = spool_counted(l->spool, COUNTER_BEAT),
		.generation = spool_counted(l->spool, COUNTER_GENERATION),
	};
	book_head(l->book, &life.ledger);
	return life;
}

static void tell_failure(struct lifeline *l, const char *path, int result)
{
	char shown[2 * CONFIG_PATH_BYTES];
	if (result != 0 && result != l->failure)
		service_event(LOG_ERR, "E1053",
			      "spool: the witness '%s' is not kept: %s; an older copy of the spool may not be seen as such",
			      text_escape_name(shown, sizeof(shown), path), verdict_explain(result));
	l->failure = result;
}

static int refuse(enum lapse lapse, const struct life *before)
{
	if (lapse == LAPSE_OTHER)
		service_event(LOG_CRIT, "E1051",
			      "spool: it knows nothing of epoch %016" PRIx64 ", which was in use here; it is another one, or a copy from before",
			      before->epoch);
	else
		service_event(LOG_CRIT, "E1050",
			      "spool: it was put back to an older state: ledger entry %" PRIu64 " has been written before, and is not there, or is another",
			      before->ledger.n);
	command_say("the spool would give numbers again that were given; type what 'weir-inbox heads' shows at the receiver into "
		    "a file, then say 'weir-sender epoch --heads FILE'");
	return EXIT_REFUSED;
}

/* Whatever of the two is later says more. */
static int compare(const struct lifeline *l, const struct life *before)
{
	const struct life now = life_of(l);
	bool is_known = spool_knows_epoch(l->spool, before->epoch);
	/* a new epoch was begun since, which is what is asked for */
	if (is_known && before->epoch != now.epoch)
		return 0;
	enum lapse lapse = testimony_compare(before, &now, is_known);
	return lapse == LAPSE_NONE ? 0 : refuse(lapse, before);
}

static int compare_page(const struct lifeline *l, const char *runtime)
{
	struct orders_shared *shared;
	struct life before;
	if (orders_map(&shared, runtime, false) != 0)
		return 0; /* none since the machine was started */
	struct orders_page *page = calloc(1, sizeof(*page));
	if (page == NULL) {
		orders_unmap(shared);
		return command_fail(-ENOMEM, "page '%s/%s'", runtime, ORDERS_FILE);
	}
	orders_inherit(page, shared);
	int code = testimony_of_page(&before, page) ? compare(l, &before) : 0;
	free(page);
	orders_unmap(shared);
	return code;
}

int lifeline_open(struct lifeline *lifeline, const struct config *config, struct spool *spool, struct book *book)
{
	struct life before;
	char shown[2 * CONFIG_PATH_BYTES];
	*lifeline = (struct lifeline){.witness.dir_fd = -1, .spool = spool, .book = book};
	int code = compare_page(lifeline, config->runtime);
	if (code != 0)
		return code;
	int result = trusted_check(config->witness, 022);
	if (trusted_is_loose(result))
		return command_fail(result, "witness '%s'", text_escape_name(shown, sizeof(shown), config->witness));
	result = testimony_open(&lifeline->witness, config->witness);
	if (result == 0)
		result = testimony_load(&lifeline->witness, &before);
	if (result == 0)
		return compare(lifeline, &before);
	tell_failure(lifeline, config->witness, result == -ENOENT && lifeline->witness.dir_fd >= 0 ? 0 : result);
	return 0;
}

static void store(struct lifeline *l, const struct life *now, uint64_t now_ms)
{
	tell_failure(l, l->witness.name, testimony_store(&l->witness, now, now_ms));
}

void lifeline_follow(struct lifeline *lifeline, uint64_t now_ms)
{
	const struct life now = life_of(lifeline);
	if (lifeline->witness.dir_fd >= 0 && testimony_is_due(&lifeline->witness, &now, now_ms))
		store(lifeline, &now, now_ms);
}

void lifeline_close(struct lifeline *lifeline)
{
	if (lifeline->witness.dir_fd < 0)
		return;
	/* one that was refused at the start leaves what it found */
	if (lifeline->witness.written.epoch != 0) {
		const struct life now = life_of(lifeline);
		store(lifeline, &now, lifeline->witness.written_ms);
	}
	testimony_close(&lifeline->witness);
}
