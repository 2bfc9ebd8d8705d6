/*
 * Sends a known pattern at rising rates, without the daemons: they must not run meanwhile.  Once the socket is there,
 * this process has no call that receives, as weir-emit.
 */
#include "linktest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/command.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/linkwatch.h"
#include "common/stopping.h"
#include "common/tagger.h"
#include "common/text.h"
#include "common/verdict.h"
#include "orders.h"
#include "setup.h"
#include "transmitter.h"
#include "trialplan.h"
#include "trialsend.h"
#include "trialsheet.h"

enum {
	RUNTIME_MODE = 0755,
	REPORT_MODE = 0644,
	EMIT_FRESH_MS = 2000,     /* weir-emit writes its page twenty times a second */
	STEPS_DEFAULT = 12,
	DURATION_DEFAULT_MS = 5000,
	FROM_SHARE = 100,         /* the lowest rate, when nobody says: so small a part of the highest */
};
#define RATE_DEFAULT UINT64_C(10000000000)
#define FROM_LEAST UINT64_C(10000000)

const char linktest_help[] =
	"  --config FILE    the sender's configuration\n"
	"  --from RATE      the lowest rate, as '100 Mbit/s'; a hundredth of the highest\n"
	"  --to RATE        the highest rate; the speed of the interface, or 10 Gbit/s\n"
	"  --steps N        rates between, both included; 12\n"
	"  --seconds S      for each step, as 5 or 0.5; 5\n"
	"  --sizes N,N,…    packet sizes that are tried; 1500,2000,4000,9000 up to the interface's MTU\n"
	"  --report FILE    write the sheet there, too\n"
	"  --json           the sheet for machines\n"
	"  --yes            do not ask\n\n"
	"Start 'weir-receiver link-test' first. The daemons of this box must not run.\n";

/* Beyond confine_base: datagrams, at their time; at the end the sheet, on standard output and as a file. */
static const char *const test_calls[] = {
	"sendmsg", "clock_nanosleep", "write", "ioctl", "fstat", "newfstatat", "mremap", "lseek",
	"openat", "close", "fsync", "renameat2", "unlinkat",
	NULL,
};

struct wanted {
	const char *config, *report;
	struct trialplan_wish wish;
	bool has_sizes, is_sure, is_json;
};

struct test {
	struct wanted wanted;
	struct config config;
	struct trialsheet sheet;
	struct trial_step steps[TRIAL_STEPS_MAX];
	struct trialsend_result results[TRIAL_STEPS_MAX];
	int lock, fd;
	struct tagger *tagger;
};

/* "5", "0.25" */
static bool parse_seconds(uint32_t *ms, const char *text)
{
	char copy[16];
	uint64_t whole = 0, places = 0;
	size_t len = strcspn(text, "."), behind = text[len] == '.' ? strlen(text + len + 1) : 0;
	if (len >= sizeof(copy) || behind > 3 || (text[len] == '.' && behind == 0))
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (text_parse_u64(&whole, copy, TRIAL_DURATION_MAX_MS / 1000) != 0)
		return false;
	snprintf(copy, sizeof(copy), "%s%.*s", behind > 0 ? text + len + 1 : "", (int)(3 - behind), "000");
	if (text_parse_u64(&places, copy, 999) != 0)
		return false;
	*ms = (uint32_t)(whole * 1000 + places);
	return *ms >= TRIAL_DURATION_MIN_MS && *ms <= TRIAL_DURATION_MAX_MS;
}

static bool parse_sizes(struct wanted *w, const char *text)
{
	char copy[8];
	w->has_sizes = true;
	w->wish.size_count = 0;
	for (const char *at = text;; at++) {
		uint64_t size = 0;
		size_t len = strcspn(at, ",");
		if (len >= sizeof(copy) || w->wish.size_count == TRIALPLAN_SIZES_MAX)
			return false;
		memcpy(copy, at, len);
		copy[len] = 0;
		if (text_parse_u64(&size, copy, TRIAL_SIZE_MAX) != 0 || size < TRIAL_SIZE_MIN)
			return false;
		w->wish.sizes[w->wish.size_count++] = (uint16_t)size;
		at += len;
		if (*at == 0)
			return true;
	}
}

static bool take_option(struct wanted *w, int letter, const char *value)
{
	uint64_t number = 0;
	switch (letter) {
	case 'c': w->config = value; return true;
	case 'r': w->report = value; return true;
	case 'j': w->is_json = true; return true;
	case 'y': w->is_sure = true; return true;
	case 'f': return text_parse_rate(&w->wish.from_bits_per_s, value, TRIAL_RATE_MAX) == 0 &&
			 w->wish.from_bits_per_s >= TRIAL_RATE_MIN;
	case 't': return text_parse_rate(&w->wish.to_bits_per_s, value, TRIAL_RATE_MAX) == 0 &&
			 w->wish.to_bits_per_s >= TRIAL_RATE_MIN;
	case 'n':
		if (text_parse_u64(&number, value, TRIAL_STEPS_MAX) != 0 || number == 0)
			return false;
		w->wish.rates = (uint32_t)number;
		return true;
	case 's': return parse_seconds(&w->wish.duration_ms, value);
	default: return parse_sizes(w, value);
	}
}

static int parse(struct wanted *w, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"report", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'}, {"yes", no_argument, NULL, 'y'},
		{"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'},
		{"steps", required_argument, NULL, 'n'}, {"seconds", required_argument, NULL, 's'},
		{"sizes", required_argument, NULL, 'z'}, {NULL, 0, NULL, 0},
	};
	int index = 0;
	char shown[128];
	*w = (struct wanted){.wish = {.rates = STEPS_DEFAULT, .duration_ms = DURATION_DEFAULT_MS}};
	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, ":", options, &index)) != -1;) {
		if (c == '?' || c == ':')
			return command_usage("unknown option, or one without its value");
		if (!take_option(w, c, optarg))
			return command_usage("--%s cannot be '%s'", options[index].name,
					     text_escape_name(shown, sizeof(shown), optarg));
	}
	return optind == argc ? 0 : command_usage("it takes no arguments");
}

/* The transmitter of the daemons: two of them on one link would measure each other. */
static int check_emit(const struct config *config)
{
	struct progress_shared *shared = NULL;
	struct progress_page page = {0};
	struct timespec now;
	int result = progress_map(&shared, config->runtime, false);
	if (result == -ENOENT)
		return 0;
	if (result != 0)
		return command_fail(result, "page '%s/%s'", config->runtime, PROGRESS_FILE);
	result = progress_read(&page, shared);
	progress_unmap(shared);
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (result != 0 || now_ms > page.updated_ms + EMIT_FRESH_MS)
		return 0;
	command_say("weir-emit uses the link; stop it first, as by: systemctl stop weir-sender.target");
	return EXIT_ENVIRONMENT;
}

static int load_config(struct test *t)
{
	char problem[PROBLEM_BYTES] = "";
	const char *path = setup_config_path(t->wanted.config);
	int result = config_load(&t->config, CONFIG_SENDER, path, problem);
	if (result != 0)
		return command_fail_file(result, path, problem);
	if (t->wanted.report == NULL)
		return 0;
	result = acceptance_check_path(t->wanted.report);
	char shown[2 * CONFIG_PATH_BYTES];
	return result == 0 ? 0
			   : command_fail(result, "report '%s' cannot be made there; say one in a folder of your own",
					  text_escape_name(shown, sizeof(shown), t->wanted.report));
}

/* What is the link's, and whatever this box must not be doing meanwhile. */
static int take_link(struct test *t)
{
	char shown[2 * CONFIG_PATH_BYTES];
	int result = io_make_dir(AT_FDCWD, t->config.runtime, RUNTIME_MODE);
	if (result != 0)
		return command_fail(result, "cannot make directory '%s'",
				    text_escape_name(shown, sizeof(shown), t->config.runtime));
	int code = transmitter_lock(&t->lock, t->config.runtime);
	if (code == 0)
		code = check_emit(&t->config);
	if (code == 0)
		code = linkwatch_require(&t->config);
	if (code != 0)
		return code;
	t->fd = transmitter_open(&t->config);
	if (t->fd < 0)
		return command_fail(t->fd, "cannot make the transmit socket with source address '%s'; is it an address of this "
				    "host", t->config.source[0] != 0 ? t->config.source : "any");
	result = tagger_load(&t->tagger, t->config.link_key);
	if (result != 0)
		return command_fail(result, "link key '%s'", t->config.link_key);
	const char *file = NULL;
	result = acceptance_gather(&t->sheet.acceptance, &t->config, t->fd, t->config.interface, &file);
	return result != 0 ? command_fail(result, "key '%s'", file) : 0;
}

static void choose_sizes(struct trialplan_wish *w, uint32_t mtu)
{
	static const uint16_t sizes[] = {1500, 2000, 4000, 9000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] <= mtu)
			w->sizes[w->size_count++] = sizes[i];
}

static int make_plan(struct test *t)
{
	struct trialplan_wish *w = &t->wanted.wish;
	const struct interface *nic = &t->sheet.acceptance.interface;
	uint32_t mtu = nic->mtu != 0 ? nic->mtu : t->config.mtu;
	if (t->config.mtu > mtu) {
		command_say("'mtu' is %" PRIu32 ", but %s takes packets of %" PRIu32 " bytes; type: ip link set %s mtu %" PRIu32,
			    t->config.mtu, nic->name, mtu, nic->name, t->config.mtu);
		return EXIT_ENVIRONMENT;
	}
	w->size = (uint16_t)t->config.mtu;
	if (!t->wanted.has_sizes)
		choose_sizes(w, mtu);
	for (size_t i = 0; i < w->size_count; i++)
		if (w->sizes[i] > mtu)
			return command_usage("packets of %u bytes are more than the interface takes: %" PRIu32, w->sizes[i], mtu);
	if (w->to_bits_per_s == 0)
		w->to_bits_per_s = nic->speed_bits_per_s >= TRIAL_RATE_MIN ? nic->speed_bits_per_s : RATE_DEFAULT;
	if (w->from_bits_per_s == 0)
		w->from_bits_per_s = w->to_bits_per_s / FROM_SHARE > FROM_LEAST ? w->to_bits_per_s / FROM_SHARE
			: w->to_bits_per_s < FROM_LEAST ? w->to_bits_per_s : FROM_LEAST;
	t->sheet.planned = trialplan_make(t->steps, w);
	return t->sheet.planned > 0 ? 0
				    : command_usage("there are more than %d steps, or the lowest rate is above the highest",
						    TRIAL_STEPS_MAX);
}

static int confirm(const struct test *t)
{
	char line[16] = "", from[32], to[32], time[32];
	fprintf(stderr, "%zu steps from %s to %s, to %s port %u, take %s. 'weir-receiver link-test' must wait there.\n",
		t->sheet.planned, text_rate(from, sizeof(from), t->wanted.wish.from_bits_per_s),
		text_rate(to, sizeof(to), t->wanted.wish.to_bits_per_s), t->config.address, t->config.port,
		text_duration(time, sizeof(time), trialsend_ms(t->steps, t->sheet.planned) / 1000 + 1));
	if (t->wanted.is_sure)
		return 0;
	fputs("Type 'yes' to begin: ", stderr);
	if (fgets(line, sizeof(line), stdin) != NULL)
		line[strcspn(line, "\n")] = 0;
	if (strcmp(line, "yes") == 0)
		return 0;
	command_say("nothing was sent");
	return EXIT_REFUSED;
}

static void send_steps(struct test *t, struct trialsend *send)
{
	t->sheet.acceptance.began_s = (uint64_t)time(NULL);
	while (t->sheet.done < t->sheet.planned && !stopping_is_due()) {
		trialsend_step(send, t->sheet.done, &t->results[t->sheet.done]);
		t->sheet.done++;
	}
	t->sheet.acceptance.ended_s = (uint64_t)time(NULL);
}

static int write_sheet(const struct test *t)
{
	char *text = NULL, shown[2 * CONFIG_PATH_BYTES];
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	if (memory == NULL)
		return command_fail(-errno, "sheet");
	trialsheet_print(&t->sheet, memory);
	int result = fclose(memory) != 0 ? -errno : 0;
	int json_result = t->wanted.is_json ? trialsheet_print_json(&t->sheet, stdout) : 0;
	if (result == 0 && !t->wanted.is_json)
		fwrite(text, 1, len, stdout);
	if (result == 0 && t->wanted.report != NULL)
		result = io_create_path(t->wanted.report, text, len, REPORT_MODE);
	free(text);
	if (result != 0)
		return command_fail(result, "report '%s'",
				    t->wanted.report == NULL ? "" : text_escape_name(shown, sizeof(shown), t->wanted.report));
	if (json_result != 0)
		return command_fail(json_result, "sheet");
	return 0;
}

static int run_confined(struct test *t, struct progress *progress)
{
	struct trialsend *send = NULL;
	uint64_t test_id = 0;
	while (test_id == 0)
		suite_random(&test_id, sizeof(test_id));
	t->sheet.acceptance.test_id = test_id;
	struct trialsend_options options = {
		.socket_fd = t->fd, .tagger = t->tagger, .test_id = test_id, .started_s = (uint32_t)time(NULL),
		.steps = t->steps, .count = t->sheet.planned, .progress = progress, .is_stopping = stopping_flag(),
		.goal = {.sin_family = AF_INET, .sin_port = htons(t->config.port)},
	};
	if (inet_pton(AF_INET, t->config.address, &options.goal.sin_addr) != 1)
		return command_fail(VERDICT_BAD_CONFIGURATION, "address '%s'", t->config.address);
	int result = trialsend_new(&send, &options);
	if (result != 0)
		return command_fail(result, "cannot start");
	transmitter_ask_for_time();
	result = confine_privileges();
	if (result == 0)
		result = confine_calls(test_calls);
	if (result == 0)
		send_steps(t, send);
	progress_end(progress);
	trialsend_free(send);
	return result != 0 ? command_fail(result, "cannot be confined") : write_sheet(t);
}

static int run(struct test *t)
{
	struct progress progress;
	int code = load_config(t);
	if (code == 0)
		code = take_link(t);
	if (code == 0)
		code = make_plan(t);
	if (code == 0)
		code = confirm(t);
	if (code != 0)
		return code;
	int result = stopping_catch(STOPPING_HANGUP_ENDS);
	if (result != 0)
		return command_fail(result, "cannot catch signals");
	t->sheet.steps = t->steps;
	t->sheet.results = t->results;
	progress_start_time(&progress, "link test", trialsend_ms(t->steps, t->sheet.planned), true);
	code = run_confined(t, &progress);
	return code != 0 ? code : t->sheet.done < t->sheet.planned ? EXIT_ENVIRONMENT : EXIT_DONE;
}

int linktest(int argc, char **argv)
{
	struct test *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return command_fail(-ENOMEM, "cannot start");
	t->lock = t->fd = -1;
	int code = parse(&t->wanted, argc, argv);
	if (code == 0)
		code = run(t);
	io_close(t->fd);
	io_close(t->lock);
	tagger_free(t->tagger);
	free(t);
	return code;
}
