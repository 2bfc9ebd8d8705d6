/*
 * Listens to a link test in the place of weir-catch, which must not run meanwhile.  Once the socket is there, this
 * process has no call that sends to a network.
 */
#include "linktest.h"

#include <errno.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "chart.h"
#include "common/command.h"
#include "common/confine.h"
#include "common/datagram.h"
#include "common/io.h"
#include "common/linkwatch.h"
#include "common/progress.h"
#include "common/stopping.h"
#include "common/tagger.h"
#include "common/text.h"
#include "course.h"
#include "receive.h"
#include "trialreport.h"

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

enum {
	TRAIN_BYTES = 65536,
	REPORT_MODE = 0644,
	WAIT_DEFAULT_S = 3600,
	WAIT_MAX_S = 604800,
	STEP_TEXT_BYTES = 32,
};

const char linktest_help[] =
	"  --config FILE  the receiver's configuration\n"
	"  --svg FILE     draw the curves there\n"
	"  --report FILE  write the sheet there, too\n"
	"  --json         the sheet for machines\n"
	"  --wait S       give up when nothing came in so many seconds; 3600\n\n"
	"Start it before 'weir-sender link-test'. weir-catch must not run.\n"
	"Ends with 4 when the link is not accepted.\n";

/* Beyond confine_base: datagrams; counters of the NIC; at the end the sheet, on standard output and as files. */
static const char *const test_calls[] = {
	"recvmsg", "getsockopt", "openat", "read", "close", "write", "ioctl", "fstat", "newfstatat", "mremap", "lseek",
	"fsync", "renameat2", "unlinkat",
	NULL,
};

struct wanted {
	const char *config, *svg, *report;
	uint64_t wait_s;
	bool is_json;
};

struct test {
	struct wanted wanted;
	struct config config;
	struct course course;
	struct recommendation recommendation;
	struct trialreport report;
	struct course_drops drops;
	char interface[NIC_NAME_BYTES];
	int fd;
	uint32_t socket_drops;       /* as the kernel last said, modulo 2^32 */
	struct tagger *tagger;
	struct progress progress;
	char label[STEP_TEXT_BYTES];
	uint8_t pattern[TRIAL_SIZE_MAX];
	uint8_t train[TRAIN_BYTES];
};

static int parse(struct wanted *w, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"svg", required_argument, NULL, 's'},
		{"report", required_argument, NULL, 'r'}, {"wait", required_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0},
	};
	*w = (struct wanted){.wait_s = WAIT_DEFAULT_S};
	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
		switch (c) {
		case 'c': w->config = optarg; break;
		case 's': w->svg = optarg; break;
		case 'r': w->report = optarg; break;
		case 'j': w->is_json = true; break;
		case 'w':
			if (text_parse_u64(&w->wait_s, optarg, WAIT_MAX_S) != 0 || w->wait_s == 0)
				return command_usage("--wait is a number of seconds, from 1 to %d", WAIT_MAX_S);
			break;
		default: return command_usage("unknown option, or one without its value");
		}
	}
	if (optind != argc || w->config == NULL)
		return command_usage("it takes --config FILE, and no arguments");
	return 0;
}

static int check_file(const char *what, const char *path)
{
	char shown[2 * CONFIG_PATH_BYTES];
	int result = path == NULL ? 0 : acceptance_check_path(path);
	return result == 0 ? 0
			   : command_fail(result, "%s '%s' cannot be made there; say one in a folder of your own", what,
					  text_escape_name(shown, sizeof(shown), path));
}

static int load_config(struct test *t)
{
	char problem[PROBLEM_BYTES] = "";
	int result = config_load(&t->config, CONFIG_RECEIVER, t->wanted.config, problem);
	if (result != 0)
		return command_fail_file(result, t->wanted.config, problem);
	int code = check_file("report", t->wanted.report);
	return code != 0 ? code : check_file("picture", t->wanted.svg);
}

/* The socket as weir-catch has it. */
static int open_socket(struct test *t)
{
	int result = receive_open(&t->fd, &t->config);
	if (result == -EADDRINUSE) {
		command_say("port %u is taken: weir-catch, or its socket, has it; stop it first, as by: systemctl stop "
			    "weir-receiver.target weir-catch.socket", t->config.port);
		return EXIT_ENVIRONMENT;
	}
	if (result != 0)
		return command_fail(result, "cannot listen at %s port %u", t->config.address, t->config.port);
	result = receive_prepare(t->fd, t->config.socket_buffer_bytes, &t->report.socket_buffer);
	if (result == 0 && t->config.interface[0] != 0)
		snprintf(t->interface, sizeof(t->interface), "%s", t->config.interface);
	else if (result == 0)
		result = nic_name_of(t->interface, t->fd);
	if (result != 0)
		return command_fail(result, "the receive socket");
	if (t->report.socket_buffer < t->config.socket_buffer_bytes)
		command_say("the kernel gave a socket buffer of %llu bytes instead of %llu, which weir-catch may have as well; "
			    "type: sysctl -w net.core.rmem_max=%llu", (unsigned long long)t->report.socket_buffer,
			    (unsigned long long)t->config.socket_buffer_bytes,
			    (unsigned long long)t->config.socket_buffer_bytes);
	return 0;
}

static int take_link(struct test *t)
{
	int code = linkwatch_require(&t->config);
	if (code == 0)
		code = open_socket(t);
	if (code != 0)
		return code;
	int result = tagger_load(&t->tagger, t->config.link_key);
	if (result != 0)
		return command_fail(result, "link key '%s'", t->config.link_key);
	const char *file = NULL;
	result = acceptance_gather(&t->report.acceptance, &t->config, t->fd, t->interface, &file);
	return result != 0 ? command_fail(result, "key '%s'", file) : 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The length of the datagrams of a train; 0 when the kernel did not say. */
static size_t datagram_len_of(struct msghdr *header)
{
	int len = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&len, CMSG_DATA(c), sizeof(len));
	return len > 0 ? (size_t)len : 0;
}

/* Where steps meet, and at the end.  What the kernel hands over with datagrams would miss what is lost behind the last. */
static void look_at_drops(struct test *t)
{
	struct nic_counters counters;
	uint32_t of_socket[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(of_socket);
	if (t->interface[0] != 0 && nic_read(&counters, t->interface) == 0)
		t->drops.nic = counters;
	if (getsockopt(t->fd, SOL_SOCKET, SO_MEMINFO, of_socket, &len) < 0)
		return;
	t->drops.socket += of_socket[SK_MEMINFO_DROPS] - t->socket_drops;
	t->socket_drops = of_socket[SK_MEMINFO_DROPS];
}

static void begin_step(struct test *t)
{
	if (t->report.acceptance.test_id == 0) {
		t->report.acceptance.test_id = t->course.test_id;
		t->report.acceptance.began_s = (uint64_t)time(NULL);
		progress_start(&t->progress, t->label, 0, true);
	}
	snprintf(t->label, sizeof(t->label), "step %d of %u", t->course.current + 1, t->course.steps);
}

static void take_datagram(struct test *t, const uint8_t *bytes, size_t len, uint64_t now)
{
	struct trial trial;
	if (!datagram_tag_is_right(bytes, len, t->tagger)) {
		t->report.strays.bad_tag++;
		return;
	}
	if (trial_decode(&trial, bytes, len, t->pattern) != 0) {
		t->report.strays.malformed++;
		return;
	}
	if (course_wants_drops(&t->course, &trial))
		look_at_drops(t);
	if (course_take(&t->course, &trial, now, &t->drops))
		begin_step(t);
}

/* 0; -EAGAIN when nothing came within RECEIVE_TIMEOUT_MS; -EINTR; -errno. */
static int take_train(struct test *t)
{
	_Alignas(struct cmsghdr) uint8_t control[128];
	struct iovec piece = {t->train, sizeof(t->train)};
	struct msghdr header = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(t->fd, &header, 0);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	size_t datagram_len = datagram_len_of(&header), len = (size_t)n;
	uint64_t now = now_ms();
	if (datagram_len == 0)
		datagram_len = len > 0 ? len : 1;
	for (size_t at = 0; at < len; at += datagram_len)
		take_datagram(t, t->train + at, len - at < datagram_len ? len - at : datagram_len, now);
	if (t->course.current >= 0)
		progress_set(&t->progress, t->course.bytes);
	return 0;
}

/* Until the test is over, nobody came, or a signal. */
static int listen_to_it(struct test *t)
{
	uint64_t until = now_ms() + t->wanted.wait_s * 1000;
	while (!stopping_is_due()) {
		int result = take_train(t);
		if (result != 0 && result != -EAGAIN && result != -EINTR)
			return result;
		uint64_t now = now_ms();
		if (course_is_over(&t->course, now) || (t->course.test_id == 0 && now > until))
			break;
	}
	look_at_drops(t);
	course_close(&t->course, &t->drops);
	t->report.acceptance.ended_s = (uint64_t)time(NULL);
	progress_end(&t->progress);
	return 0;
}

static unsigned int terminal_cells(void)
{
	struct winsize size;
	return isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
		? size.ws_col : CHART_CELLS_PAPER;
}

/* Whole, or not at all. */
static int write_file(const struct test *t, const char *path, bool is_picture)
{
	char *text = NULL, shown[2 * CONFIG_PATH_BYTES];
	size_t len = 0;
	if (path == NULL)
		return 0;
	FILE *memory = open_memstream(&text, &len);
	int result = memory == NULL ? -errno : 0;
	if (memory != NULL) {
		if (is_picture)
			chart_print_svg(memory, &t->course, &t->recommendation);
		else
			trialreport_print(&t->report, CHART_CELLS_PAPER, memory);
		result = fclose(memory) != 0 ? -errno : io_create_path(path, text, len, REPORT_MODE);
	}
	free(text);
	return result == 0 ? 0 : command_fail(result, "file '%s'", text_escape_name(shown, sizeof(shown), path));
}

static int tell(struct test *t)
{
	if (t->course.test_id == 0) {
		command_say(stopping_is_due() ? "stopped before anything of a link test came"
					: "nothing of a link test came in %llu s; is the fibre in, and does 'weir-sender link-test' send to "
					  "this address and port, with the same link key", (unsigned long long)t->wanted.wait_s);
		if (t->report.strays.bad_tag > 0)
			command_say("%llu datagrams had a wrong tag: the link keys of both boxes differ",
				    (unsigned long long)t->report.strays.bad_tag);
		return EXIT_ENVIRONMENT;
	}
	t->recommendation = recommend(&t->course);
	t->report.course = &t->course;
	t->report.recommendation = &t->recommendation;
	int result = 0;
	if (t->wanted.is_json)
		result = trialreport_print_json(&t->report, stdout);
	else
		trialreport_print(&t->report, terminal_cells(), stdout);
	if (result != 0)
		return command_fail(result, "sheet");
	int code = write_file(t, t->wanted.report, false);
	if (code == 0)
		code = write_file(t, t->wanted.svg, true);
	return code != 0 ? code : t->recommendation.is_accepted ? EXIT_DONE : EXIT_MISSING;
}

static int run(struct test *t)
{
	int code = load_config(t);
	if (code == 0)
		code = take_link(t);
	if (code != 0)
		return code;
	int result = stopping_catch(STOPPING_HANGUP_ENDS);
	if (result == 0)
		result = confine_privileges();
	if (result == 0)
		result = confine_calls(test_calls);
	if (result != 0)
		return command_fail(result, "cannot be confined");
	fprintf(stderr, "waits for 'weir-sender link-test' at %s port %u\n", t->config.address, t->config.port);
	look_at_drops(t);
	result = listen_to_it(t);
	return result != 0 ? command_fail(result, "the receive socket") : tell(t);
}

int linktest(int argc, char **argv)
{
	struct test *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return command_fail(-ENOMEM, "cannot start");
	t->fd = -1;
	course_start(&t->course);
	trial_pattern(t->pattern, sizeof(t->pattern));
	int code = parse(&t->wanted, argc, argv);
	if (code == 0)
		code = run(t);
	io_close(t->fd);
	tagger_free(t->tagger);
	free(t);
	return code;
}
