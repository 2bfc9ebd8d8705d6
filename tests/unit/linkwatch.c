/* A daemon's look at what weir-link has written: LAYERS.md 4. */
#include "common/linkwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/command.h"
#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static struct config config = {.side = CONFIG_SENDER, .interface = "weir0", .address = "10.77.0.2"};

static struct linkstate good(void)
{
	struct linkstate state = {.side = CONFIG_SENDER, .interface = "weir0", .at_ms = linkwatch_now_ms(), .loaded_ms = 5};
	state.frames = (struct frames){{true, true, true}, {0, 0, 0}};
	return state;
}

static void put(const struct linkstate *state)
{
	char text[LINKSTATE_BYTES_MAX + 1];
	long len = linkstate_encode(text, sizeof(text), state);
	int dir = io_open_dir(AT_FDCWD, test_dir());
	io_write_file(dir, LINKSTATE_FILE, text, (size_t)len, 0644);
	io_close(dir);
}

static void put_text(const char *name, const char *text)
{
	int dir = io_open_dir(AT_FDCWD, test_dir());
	io_write_file(dir, name, text, strlen(text), 0644);
	io_close(dir);
}

/* What a daemon says that does not begin, and its exit code. */
static int requires(char *said, size_t size)
{
	int ends[2], status = -1;
	said[0] = 0;
	if (pipe(ends) < 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		command_start("weir-hold");
		_exit(linkwatch_require(&config));
	}
	close(ends[1]);
	ssize_t n = io_read(ends[0], said, size - 1);
	said[n < 0 ? 0 : n] = 0;
	close(ends[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refuses(const char *what, const char *wanted)
{
	char said[1024];
	is_number(requires(said, sizeof(said)), EXIT_ENVIRONMENT, "%s: nothing begins", what);
	if (!ok(strstr(said, wanted) != NULL, "and why is said, and what to do"))
		note("said '%s', wanted '%s'", said, wanted);
}

static void test_require(void)
{
	char said[1024];
	struct linkstate state = good();
	uint64_t begun = linkwatch_now_ms();
	refuses("no file", "weir-hold: weir-link does not run: there is no ");
	uint64_t took = linkwatch_now_ms() - begun;
	ok(took >= LINKWATCH_WAIT_MS && took < 3 * LINKWATCH_WAIT_MS, "after it was waited for two seconds");
	put(&state);
	is_number(requires(said, sizeof(said)), 0, "with every layer a daemon begins");
	is_text(said, "", "and says nothing");
	state.layers[LAYER_ARP] = (struct layer_finding){LAYER_MISSING, "ARP is on at weir0", "ip link set dev weir0 arp off"};
	put(&state);
	begun = linkwatch_now_ms();
	refuses("a missing layer",
		"weir-hold: layer arp is missing: ARP is on at weir0; type: ip link set dev weir0 arp off\n");
	ok(linkwatch_now_ms() - begun < LINKWATCH_WAIT_MS, "at once");
	config.absent = 1U << LAYER_ARP;
	is_number(requires(said, sizeof(said)), 0, "one that is named as absent keeps nobody");
	config.absent = 0;
	state = good();
	state.layers[LAYER_XDP].state = LAYER_ABSENT;
	put(&state);
	refuses("a layer absent there alone", "layer xdp is named as absent to weir-link, and not here; start it again");
	state = good();
	strcpy(state.interface, "eth1");
	put(&state);
	refuses("another interface", "weir-link watches interface eth1 as that of a sender, and here it is weir0");
	state = good();
	state.side = CONFIG_RECEIVER;
	put(&state);
	refuses("the other side", "weir-link watches interface weir0 as that of a receiver");
	put_text(LINKSTATE_FILE, "weir-link 9\n");
	refuses("another version", "cannot be used: ");
	config.is_unwatched = true;
	is_number(requires(said, sizeof(said)), 0, "where all is absent nothing is looked at");
	config.is_unwatched = false;
}

static void *write_later(void *context)
{
	const struct timespec pause = {.tv_nsec = 300000000};
	(void)context;
	nanosleep(&pause, NULL);
	struct linkstate state = good();
	put(&state);
	return NULL;
}

static void test_waiting(void)
{
	char said[1024];
	pthread_t thread;
	struct linkstate state = good();
	state.at_ms -= LINKSTATE_FRESH_MS + 3000;
	put(&state);
	refuses("an old file", "weir-link does not watch the link: its last look was ");
	if (pthread_create(&thread, NULL, write_later, NULL) != 0)
		return;
	is_number(requires(said, sizeof(said)), 0, "one that is renewed meanwhile is waited for");
	pthread_join(thread, NULL);
	unlink(test_path(LINKSTATE_FILE));
	if (pthread_create(&thread, NULL, write_later, NULL) != 0)
		return;
	is_number(requires(said, sizeof(said)), 0, "and so is one that comes");
	pthread_join(thread, NULL);
	is_number(linkwatch_forget(&config), 0, "who starts all of them takes an earlier one away");
	is_number(access(test_path(LINKSTATE_FILE), F_OK), -1, "and it is gone");
	is_number(linkwatch_forget(&config), 0, "also when there was none");
}

static void test_count(void)
{
	struct linkwatch watch = {.config = &config};
	struct linkstate state = good();
	bool by_nic = false;
	is_number((int64_t)linkwatch_count(&watch, &state, 600, &by_nic), 0, "where nothing was counted nothing is told");
	state.frames.count[FRAMES_NIC] = 3;
	state.frames.count[FRAMES_XDP] = 2;
	is_number((int64_t)linkwatch_count(&watch, &state, 601, &by_nic), 3, "frames that several counters saw are told once");
	is_number((int64_t)linkwatch_count(&watch, &state, 602, &by_nic), 0, "and not again");
	state.frames.count[FRAMES_NFT] = 1;
	is_number((int64_t)linkwatch_count(&watch, &state, 603, &by_nic), 1, "another counter that grows is news");
	state.frames.count[FRAMES_NIC] = 1;
	is_number((int64_t)linkwatch_count(&watch, &state, 604, &by_nic), 1, "one that began anew is told from there on");
	state.loaded_ms = 9;
	is_number((int64_t)linkwatch_count(&watch, &state, 605, &by_nic), 2, "a program that was loaded again counts from zero");
	state.frames.is_counted[FRAMES_XDP] = false;
	is_number((int64_t)linkwatch_count(&watch, &state, 606, &by_nic), 0, "a counter that is not there says nothing");
	int told = 4; /* so far in this minute */
	for (int i = 0; i < 40; i++) {
		state.frames.count[FRAMES_NIC]++;
		told += linkwatch_count(&watch, &state, 607 + (uint64_t)i, &by_nic) > 0;
	}
	is_number(told, LINKWATCH_TELLINGS_MAX, "ten a minute are told");
	is_number((int64_t)linkwatch_count(&watch, &state, 660, &by_nic), 34, "and the others in the next");
	state.side = CONFIG_RECEIVER;
	state.frames.count[FRAMES_NFT] += 5;
	is_number((int64_t)linkwatch_count(&watch, &state, 720, &by_nic), 5, "what a receiver's rules dropped is told");
	ok(!by_nic, "as dropped");
	state.frames.count[FRAMES_NFT] += 5;
	state.frames.count[FRAMES_NIC] += 2;
	is_number((int64_t)linkwatch_count(&watch, &state, 721, &by_nic), 2, "but what has left is told first");
	ok(by_nic, "as what has left");
}

static void test_look(void)
{
	struct linkwatch watch, next;
	struct linkwatch_news news;
	struct linkstate state = good();
	put(&state);
	is_number(linkwatch_open(&watch, &config), 0, "a daemon that goes on looking begins");
	linkwatch_look(&watch, &news);
	ok(news.frames[0] == 0 && news.broken[0] == 0, "and has nothing to tell");
	state.frames.count[FRAMES_NFT] = 1;
	put(&state);
	linkwatch_look(&watch, &news);
	is_text(news.frames, "1 frame came in at weir0, the wrong way; see weir-link check", "a frame is told");
	is_text(news.broken, "", "and is no reason to end");
	is_number(linkwatch_open(&next, &config), 0, "one that is started again");
	linkwatch_look(&next, &news);
	is_text(news.frames, "", "does not tell it again");
	state.layers[LAYER_NFT] = (struct layer_finding){LAYER_MISSING, "table netdev weir_sender is gone", "kill 7"};
	state.frames.count[FRAMES_NFT] = 0;
	state.frames.is_counted[FRAMES_NFT] = false;
	state.frames.count[FRAMES_NIC] = 4;
	put(&state);
	linkwatch_look(&next, &news);
	is_text(news.broken, "layer nft is missing: table netdev weir_sender is gone; type: kill 7", "a layer that goes is");
	is_text(news.frames, "4 frames came in at weir0, the wrong way; see weir-link check", "and so is what came in then");
	state = good();
	state.at_ms -= LINKSTATE_FRESH_MS + 1;
	put(&state);
	linkwatch_look(&next, &news);
	ok(strstr(news.broken, "weir-link does not watch the link") != NULL, "a watch that stands still is told");
	unlink(test_path(LINKSTATE_FILE));
	linkwatch_look(&next, &news);
	ok(strstr(news.broken, "weir-link does not run") != NULL, "and one that is gone");
	config.is_unwatched = true;
	linkwatch_look(&next, &news);
	ok(news.frames[0] == 0 && news.broken[0] == 0, "where all is absent nothing is looked at");
	config.is_unwatched = false;
}

/* Whoever writes there can have frames told again, and nothing else. */
static void test_told(void)
{
	static const char *const texts[] = {"", "\n", "x y z\n", "1 2\n", "99999999999999999999999999\n", "-1 -1 -1 -1\n",
					    "1 1 1 1 1 1 1 1\n"};
	struct linkwatch watch;
	struct linkstate state = good();
	put(&state);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put_text(LINKWATCH_TOLD_FILE, texts[i]);
		is_number(linkwatch_open(&watch, &config), 0, "a daemon begins whatever link.told holds");
		ok(watch.told[FRAMES_NIC] <= 1 && watch.told[FRAMES_NFT] <= 2, "and takes from it what is a number");
	}
	unlink(test_path(LINKWATCH_TOLD_FILE));
}

int main(void)
{
	snprintf(config.runtime, sizeof(config.runtime), "%s", test_dir());
	test_require();
	test_waiting();
	test_count();
	test_look();
	test_told();
	return done_testing();
}
