#include "inbox.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/io.h"
#include "common/openbundle.h"
#include "common/progress.h"
#include "common/text.h"
#include "common/verdict.h"
#include "deliver.h"

/* One run of 'open'. */
struct opening {
	const struct inbox_options *options;
	struct inbox inbox;
	struct subject subject;
	struct inbox_keys keys;
	struct inbox_receipt receipt; /* where no keep enters it */
	struct deliver *deliver;
	int stop; /* readable when it shall end; -1 where there is nothing to take back */
	const struct member **members; /* what comes out, in the order of the manifest */
	uint32_t *indices;
	uint32_t count;
	uint32_t current; /* the one being written, for messages */
	bool is_ending;   /* everything has come out and was right */
	uint64_t records;
	uint64_t bytes;
	struct progress progress;
};

static bool is_to_command(const struct opening *o)
{
	return o->options->command != NULL;
}

static bool is_to_folder(const struct opening *o)
{
	return o->options->output != NULL;
}

static int check_arguments(const struct inbox_options *options)
{
	bool dash = options->argument_count == 2 && strcmp(options->arguments[1], "-") == 0;
	if (options->argument_count < 1)
		return command_usage("say which one: BUNDLE or FILE.weir");
	if (options->argument_count > 2 || (options->argument_count == 2 && !dash))
		return command_usage("one bundle at a time, then -o DIR, '-', or '- -- COMMAND'");
	if ((options->output != NULL) == dash)
		return command_usage("say where to: -o DIR, '-', or '- -- COMMAND'");
	if (options->command != NULL && !dash)
		return command_usage("a command reads from '-': - -- COMMAND");
	if (dash && options->member_count > 1)
		return command_usage("'-' takes one member; use -o DIR for several");
	if (dash && options->command == NULL && isatty(STDOUT_FILENO) == 1)
		return command_usage("standard output is a terminal; use a pipe or -o DIR");
	return EXIT_DONE;
}

static int start_delivery(struct opening *o)
{
	char shown[SHOWN_BYTES];
	if (is_to_command(o)) {
		int result = deliver_to_command(&o->deliver, o->options->command);
		return result == 0 ? EXIT_DONE : command_fail(result, "cannot start a process");
	}
	if (!is_to_folder(o)) {
		int result = deliver_to_stream(&o->deliver, STDOUT_FILENO);
		return result == 0 ? EXIT_DONE : command_fail(result, "cannot start");
	}
	int result = deliver_to_folder(&o->deliver, o->options->output);
	text_escape_name(shown, sizeof(shown), o->options->output);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot use the folder '%s'", shown);
}

/* From here on a signal is something to read, so that what was begun is taken back first. */
static int start_stop(struct opening *o)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return command_fail(-errno, "cannot block signals");
	o->stop = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (o->stop < 0)
		return command_fail(-errno, "cannot watch for signals");
	deliver_set_stop(o->deliver, o->stop);
	return EXIT_DONE;
}

/*
 * Everything that takes a right of the caller: the guardian of a command first, for it must know no
 * secret, then files and keys; then this program can reach neither a network nor another program.
 */
static int prepare(struct opening *o)
{
	int code = start_delivery(o);
	if (code == EXIT_DONE)
		code = inbox_start(&o->inbox, o->options, inbox_needs(o->options->arguments[0]));
	if (code == EXIT_DONE)
		code = subject_open(&o->subject, &o->inbox, o->options->arguments[0]);
	if (code == EXIT_DONE)
		code = inbox_keys_load(&o->keys, o->options);
	if (code == EXIT_DONE)
		code = inbox_commit(&o->inbox, &o->keys.recipient->card);
	if (code == EXIT_DONE && !o->inbox.has_config)
		code = inbox_receipt_reserve(&o->receipt, o->options->receipt, o->options->arguments[0]);
	/* What a stream has got cannot be taken back: there a signal ends the program as ever. */
	if (code == EXIT_DONE && (is_to_folder(o) || is_to_command(o)))
		code = start_stop(o);
	if (code != EXIT_DONE)
		return code;
	int result = confine_privileges();
	return result == 0 ? inbox_confine(true)
			   : command_fail(result, "cannot give up privileges");
}

/* BUNDLE.md 7: nothing is opened before signatures and tree were right. */
static int unlock(struct opening *o)
{
	struct subject *s = &o->subject;
	int result = subject_read(s, &o->inbox);
	if (result == 0 && open_is(&unpack_release(s->unpack)->statement)) {
		command_say("'%s' carries a registry, which is sealed to nobody and read by the box itself; "
			    "'show' tells of it [%s]", s->label, verdict_name(VERDICT_WRONG_RECIPIENT));
		return EXIT_REFUSED;
	}
	if (result == 0)
		result = subject_verify_watched(s, o->stop);
	if (result != 0)
		return subject_fail(s, result);
	int code = inbox_keys_check(&o->keys, s);
	if (code != EXIT_DONE)
		return code;
	result = unpack_unlock(s->unpack, o->keys.recipient, o->keys.psk->secret);
	if (result == 0 && o->receipt.fd >= 0)
		result = inbox_receipt_fill(&o->receipt, s, o->keys.recipient);
	/* the secrets that are no longer needed go before the content comes */
	inbox_keys_free(&o->keys);
	return result == 0 ? EXIT_DONE : subject_fail(s, result);
}

static int compare_member(const void *name, const void *member)
{
	return member_name_compare(name, ((const struct member *)member)->name);
}

/* Marks the members that were asked for. */
static int mark(const struct inbox_options *options, const struct manifest *m, bool *chosen)
{
	char shown[SHOWN_BYTES];
	if (options->member_count == 0)
		memset(chosen, true, m->member_count);
	for (size_t i = 0; i < options->member_count; i++) {
		const char *name = options->members[i];
		const struct member *member = NULL;
		if (m->member_count > 0)
			member = bsearch(name, m->members, m->member_count, sizeof(*member),
					 compare_member);
		if (member == NULL) {
			command_say("there is no member '%s'; 'show --key' lists them",
				    text_escape_name(shown, sizeof(shown), name));
			return EXIT_REFUSED;
		}
		chosen[member - m->members] = true;
	}
	return EXIT_DONE;
}

static void take_marked(struct opening *o, const struct manifest *m, const bool *chosen)
{
	for (uint32_t i = 0; i < m->member_count; i++) {
		if (!chosen[i])
			continue;
		o->indices[o->count] = i;
		o->members[o->count++] = &m->members[i];
		o->bytes += m->members[i].size;
		o->records += m->members[i].records;
	}
}

static int choose(struct opening *o)
{
	const struct manifest *m = unpack_manifest(o->subject.unpack);
	size_t room = (size_t)m->member_count + 1;
	bool *chosen = calloc(room, sizeof(*chosen));
	o->members = calloc(room, sizeof(*o->members));
	o->indices = calloc(room, sizeof(*o->indices));
	if (chosen == NULL || o->members == NULL || o->indices == NULL) {
		free(chosen);
		return command_fail(-ENOMEM, "cannot open '%s'", o->subject.label);
	}
	int code = mark(o->options, m, chosen);
	if (code == EXIT_DONE)
		take_marked(o, m, chosen);
	free(chosen);
	if (code == EXIT_DONE && !is_to_folder(o) && o->count != 1) {
		command_say("'%s' holds %" PRIu32
			    " members, and '-' takes one; choose with --member, or use -o DIR",
			    o->subject.label, o->count);
		code = EXIT_REFUSED;
	}
	return code;
}

/* What it means for whoever waits for the output. */
static const char *aftermath(const struct opening *o)
{
	if (is_to_folder(o))
		return "; nothing was left in the folder";
	if (is_to_command(o) && o->is_ending)
		return "; the command was killed after its input had ended: see whether it counted";
	if (is_to_command(o))
		return "; the command was killed before it saw an end";
	return "; what came out is not whole";
}

static int fail_command(const struct opening *o)
{
	char how[64], shown[SHOWN_BYTES];
	deliver_describe(o->deliver, how, sizeof(how));
	command_say("'%s': the command '%s' failed%s%s, so nothing counts as delivered [%s]",
		    o->subject.label,
		    text_escape_name(shown, sizeof(shown), o->options->command[0]),
		    how[0] != 0 ? ": " : "", how, verdict_name(VERDICT_COMMAND_FAILED));
	return EXIT_REFUSED;
}

static int fail_member(const struct opening *o, uint32_t index, int result)
{
	char name[SHOWN_BYTES] = "";
	if (index < o->count)
		text_escape_name(name, sizeof(name), o->members[index]->name);
	if (result == VERDICT_COMMAND_FAILED)
		return fail_command(o);
	if (result == -ECANCELED) {
		command_say("'%s': interrupted%s", o->subject.label, aftermath(o));
		return EXIT_ENVIRONMENT;
	}
	command_say("'%s'%s%s%s: %s%s%s%s%s", o->subject.label,
		    index < o->count ? ": member '" : "", name, index < o->count ? "'" : "",
		    verdict_explain(result), result > 0 ? " [" : "",
		    result > 0 ? verdict_name(result) : "", result > 0 ? "]" : "", aftermath(o));
	return result > 0 ? EXIT_REFUSED : EXIT_ENVIRONMENT;
}

static int plan(struct opening *o)
{
	char shown[SHOWN_BYTES];
	uint32_t culprit = o->count;
	int result = deliver_plan(o->deliver, o->members, o->count, &culprit);
	if (result == 0)
		return EXIT_DONE;
	if (is_to_command(o)) {
		text_escape_name(shown, sizeof(shown), o->options->command[0]);
		return command_fail(result, "cannot run the command '%s'", shown);
	}
	if (culprit >= o->count) {
		text_escape_name(shown, sizeof(shown), o->options->output);
		return command_fail(result, "cannot write into the folder '%s'", shown);
	}
	text_escape_name(shown, sizeof(shown), o->members[culprit]->name);
	if (result == -EEXIST)
		command_say(
			"'%s' exists already, and nothing is ever replaced; nothing was written",
			shown);
	else if (result == -ENOTDIR || result == -ELOOP)
		command_say("a folder on the way to '%s' is a link or a file; nothing was written",
			    shown);
	else
		return command_fail(result, "member '%s'; nothing was written", shown);
	return EXIT_ENVIRONMENT;
}

static int visit_begin(void *context, uint32_t index, const struct member *member)
{
	struct opening *o = context;
	(void)index;
	(void)member;
	return deliver_begin(o->deliver);
}

static int visit_data(void *context, const void *data, size_t len)
{
	struct opening *o = context;
	int result = deliver_data(o->deliver, data, len);
	progress_set(&o->progress, deliver_bytes(o->deliver));
	return result;
}

static int visit_end(void *context, uint32_t index, const struct member *member)
{
	struct opening *o = context;
	(void)index;
	(void)member;
	int result = deliver_end(o->deliver);
	if (result == 0)
		o->current++;
	return result;
}

static int take_out(struct opening *o)
{
	struct unpack *unpack = o->subject.unpack;
	if (o->options->member_count == 0) {
		struct unpack_visitor visitor = {visit_begin, visit_data, visit_end, o};
		return unpack_all(unpack, 0, &visitor);
	}
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < o->count; i++) {
		result = visit_begin(o, o->indices[i], o->members[i]);
		if (result == 0)
			result = unpack_member(unpack, o->indices[i], 0, visit_data, o);
		if (result == 0)
			result = visit_end(o, o->indices[i], o->members[i]);
	}
	return result;
}

static void report(const struct opening *o)
{
	char size[32], records[48] = "", count[32], members[32];
	if (o->records > 0)
		snprintf(records, sizeof(records), "%s records, ",
			 text_count(count, sizeof(count), o->records));
	command_say("opened %s: %s %s, %s%s, every digest right", o->subject.name,
		    text_count(members, sizeof(members), o->count),
		    o->count == 1 ? "member" : "members", records,
		    text_size(size, sizeof(size), o->bytes));
}

static int bring(struct opening *o)
{
	uint32_t culprit = o->count;
	progress_start(&o->progress, "opening", o->bytes, true);
	int result = take_out(o);
	if (result != 0)
		culprit = o->current;
	o->is_ending = result == 0;
	if (result == 0)
		result = deliver_commit(o->deliver, &culprit);
	progress_end(&o->progress);
	/* before the message, which says that it is gone */
	if (result != 0 && is_to_folder(o)) {
		deliver_free(o->deliver);
		o->deliver = NULL;
	}
	if (result != 0)
		return fail_member(o, culprit, result);
	report(o);
	return EXIT_DONE;
}

static int open_bundle(struct opening *o)
{
	int code = prepare(o);
	if (code == EXIT_DONE)
		code = unlock(o);
	if (code == EXIT_DONE)
		code = choose(o);
	if (code == EXIT_DONE)
		code = plan(o);
	return code == EXIT_DONE ? bring(o) : code;
}

int inbox_open(int argc, char **argv)
{
	struct inbox_options options;
	int code = inbox_parse(&options, argc, argv, "crkpfmoxR");
	if (code != EXIT_DONE)
		return code;
	struct opening o = {.options = &options, .stop = -1};
	o.inbox.vault = o.inbox.keep = o.subject.fd = o.receipt.dir = o.receipt.fd = -1;
	code = check_arguments(&options);
	/* a reader that goes away is an error of writing, and no reason to die before it is said */
	if (code == EXIT_DONE && signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		code = command_fail(-errno, "cannot ignore SIGPIPE");
	if (code == EXIT_DONE)
		code = open_bundle(&o);
	o.inbox.records = code == EXIT_DONE ? o.records : 0;
	o.inbox.bytes = o.deliver != NULL ? deliver_bytes(o.deliver) : 0;
	deliver_free(o.deliver);
	subject_close(&o.subject);
	inbox_keys_free(&o.keys);
	o.receipt.receipt.result = code == EXIT_DONE ? 0 : command_failure() != 0 ? command_failure() : -EINVAL;
	o.receipt.receipt.records = o.inbox.records;
	o.receipt.receipt.bytes = o.inbox.bytes;
	int end = inbox_receipt_end(&o.receipt);
	code = code != EXIT_DONE ? code : end;
	inbox_end(&o.inbox, code);
	free(o.members);
	free(o.indices);
	io_close(o.stop);
	inbox_options_free(&options);
	return code;
}
