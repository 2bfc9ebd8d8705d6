#include "linkwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "io.h"
#include "text.h"
#include "verdict.h"

enum { POLL_MS = 10, MINUTE_S = 60, TOLD_BYTES = 96, TOLD_MODE = 0644 };

uint64_t linkwatch_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int linkwatch_read(struct linkstate *out, const char *runtime)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int dir_fd = io_open_dir(AT_FDCWD, runtime);
	if (dir_fd < 0)
		return dir_fd;
	int result = io_read_file(dir_fd, LINKSTATE_FILE, LINKSTATE_BYTES_MAX, &text, &len);
	io_close(dir_fd);
	if (result == 0)
		result = linkstate_decode(out, text, len);
	free(text);
	return result;
}

int linkwatch_forget(const struct config *config)
{
	int dir_fd = io_open_dir(AT_FDCWD, config->runtime);
	if (dir_fd < 0)
		return dir_fd;
	int result = unlinkat(dir_fd, LINKSTATE_FILE, 0) < 0 && errno != ENOENT ? -errno : 0;
	io_close(dir_fd);
	return result;
}

/* ---- judging ---- */

int linkwatch_judge_file(char text[static LINKWATCH_TEXT_BYTES], const struct config *config, int result,
			 const struct linkstate *state, uint64_t now_ms)
{
	char path[LINKWATCH_TEXT_BYTES / 2], interface[4 * INTERFACE_BYTES];
	text_escape_name(path, sizeof(path), config->runtime);
	if (result == -ENOENT)
		snprintf(text, LINKWATCH_TEXT_BYTES, "weir-link does not run: there is no %s/" LINKSTATE_FILE
			 "; start it, or type: weir-link check", path);
	else if (result != 0)
		snprintf(text, LINKWATCH_TEXT_BYTES, "%s/" LINKSTATE_FILE " cannot be used: %s; start weir-link again",
			 path, verdict_explain(result));
	else if (!linkstate_is_fresh(state, now_ms))
		snprintf(text, LINKWATCH_TEXT_BYTES, "weir-link does not watch the link: its last look was %" PRIu64
			 " s ago; start it again", now_ms > state->at_ms ? (now_ms - state->at_ms) / 1000 : 0);
	else if (state->side != config->side || strcmp(state->interface, config->interface) != 0)
		snprintf(text, LINKWATCH_TEXT_BYTES,
			 "weir-link watches interface %s as that of a %s, and here it is %s; start it again with this configuration",
			 text_escape_name(interface, sizeof(interface), state->interface),
			 state->side == CONFIG_SENDER ? "sender" : "receiver", config->interface);
	else
		return 0;
	return result > 0 ? result : -ENOLINK;
}

int linkwatch_judge(char text[static LINKWATCH_TEXT_BYTES], const struct config *config, int read_result,
		    const struct linkstate *state, uint64_t now_ms)
{
	if (config->is_unwatched)
		return 0;
	int result = linkwatch_judge_file(text, config, read_result, state, now_ms);
	if (result != 0)
		return result;
	int layer = linkstate_first_missing(state, config);
	if (layer < 0)
		return 0;
	char found[LAYER_TEXT_BYTES], mend[LAYER_TEXT_BYTES];
	const struct layer_finding *finding = &state->layers[layer];
	if (finding->state == LAYER_ABSENT)
		snprintf(text, LINKWATCH_TEXT_BYTES,
			 "layer %s is named as absent to weir-link, and not here; start it again with this configuration",
			 layer_name((enum layer)layer));
	else
		snprintf(text, LINKWATCH_TEXT_BYTES, "layer %s is missing: %s; type: %s",
			 layer_name((enum layer)layer),
			 text_escape_name(found, sizeof(found), finding->found),
			 text_escape_name(mend, sizeof(mend), finding->mend));
	return -ENOLINK;
}

/* Whether waiting may help: the file is not there, or is an old one. */
static bool may_come(int read_result, const struct linkstate *state)
{
	return read_result == -ENOENT || (read_result == 0 && !linkstate_is_fresh(state, linkwatch_now_ms()));
}

int linkwatch_require(const struct config *config)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	const uint64_t begun_ms = linkwatch_now_ms();
	char text[LINKWATCH_TEXT_BYTES];
	struct linkstate state = {.at_ms = 0};
	if (config->is_unwatched)
		return 0;
	int read_result = linkwatch_read(&state, config->runtime);
	while (may_come(read_result, &state) && linkwatch_now_ms() - begun_ms < LINKWATCH_WAIT_MS) {
		/* a signal ends the wait of a moment, and is seen where the daemon looks for it */
		nanosleep(&pause, NULL);
		read_result = linkwatch_read(&state, config->runtime);
	}
	if (linkwatch_judge(text, config, read_result, &state, linkwatch_now_ms()) == 0)
		return 0;
	command_say("%s", text);
	return EXIT_ENVIRONMENT;
}

/* ---- what is told of frames ---- */

/* What cannot be read was told by nobody: then it is told again. */
static void load_told(struct linkwatch *watch)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int dir_fd = io_open_dir(AT_FDCWD, watch->config->runtime);
	int result = dir_fd < 0 ? dir_fd : io_read_file(dir_fd, LINKWATCH_TOLD_FILE, TOLD_BYTES, &text, &len);
	io_close(dir_fd);
	if (result != 0)
		return;
	uint64_t *const numbers[] = {&watch->told[FRAMES_NIC], &watch->told[FRAMES_NFT], &watch->told[FRAMES_XDP],
				     &watch->loaded_ms};
	char *rest = NULL, *word = strtok_r((char *)text, " \n", &rest);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && word != NULL; i++) {
		(void)text_parse_u64(numbers[i], word, UINT64_MAX); /* not written unless it is a number */
		word = strtok_r(NULL, " \n", &rest);
	}
	free(text);
}

static void store_told(const struct linkwatch *watch)
{
	char text[TOLD_BYTES];
	int n = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			 watch->told[FRAMES_NIC], watch->told[FRAMES_NFT], watch->told[FRAMES_XDP], watch->loaded_ms);
	int dir_fd = io_open_dir(AT_FDCWD, watch->config->runtime);
	int fd = dir_fd < 0 ? dir_fd : openat(dir_fd, LINKWATCH_TOLD_FILE,
					      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, TOLD_MODE);
	/* one that cannot be written has the same told again after a restart, and no more */
	if (fd >= 0)
		(void)io_write(fd, text, (size_t)n);
	io_close(fd);
	io_close(dir_fd);
}

uint64_t linkwatch_count(struct linkwatch *watch, const struct linkstate *state, uint64_t now_s, bool *by_nic)
{
	const struct frames *frames = &state->frames;
	uint64_t most = 0, of_nic = 0;
	if (state->loaded_ms != watch->loaded_ms)
		watch->told[FRAMES_XDP] = 0;
	watch->loaded_ms = state->loaded_ms;
	for (int i = 0; i < FRAMES_SOURCES; i++) {
		uint64_t now = frames->is_counted[i] ? frames->count[i] : watch->told[i];
		/* one that begins anew, as that of a NIC that was taken away and put back */
		uint64_t grown = now >= watch->told[i] ? now - watch->told[i] : now;
		most = grown > most ? grown : most; /* each source sees the same frames, or some of them */
		of_nic = i == FRAMES_NIC ? grown : of_nic;
	}
	if (now_s / MINUTE_S != watch->minute) {
		watch->minute = now_s / MINUTE_S;
		watch->tellings = 0;
	}
	if (most == 0 || watch->tellings >= LINKWATCH_TELLINGS_MAX)
		return 0;
	watch->tellings++;
	for (int i = 0; i < FRAMES_SOURCES; i++)
		if (frames->is_counted[i])
			watch->told[i] = frames->count[i];
	*by_nic = of_nic > 0;
	return *by_nic && state->side == CONFIG_RECEIVER ? of_nic : most;
}

int linkwatch_open(struct linkwatch *watch, const struct config *config)
{
	*watch = (struct linkwatch){.config = config};
	int code = linkwatch_require(config);
	if (code == 0 && !config->is_unwatched)
		load_told(watch);
	return code;
}

void linkwatch_look(struct linkwatch *watch, struct linkwatch_news *news)
{
	struct linkstate state = {.at_ms = 0};
	news->frames[0] = news->broken[0] = 0;
	if (watch->config->is_unwatched)
		return;
	int read_result = linkwatch_read(&state, watch->config->runtime);
	uint64_t now_ms = linkwatch_now_ms();
	bool by_nic = false;
	uint64_t frames = read_result == 0 ? linkwatch_count(watch, &state, now_ms / 1000, &by_nic) : 0;
	if (frames > 0) {
		const char *how = watch->config->side == CONFIG_SENDER ? "came in at"
				  : by_nic ? "left by" : "dropped on the way out by";
		store_told(watch);
		snprintf(news->frames, sizeof(news->frames), "%" PRIu64 " frame%s %s %s, the wrong way; see weir-link check",
			 frames, frames == 1 ? "" : "s", how, watch->config->interface);
	}
	(void)linkwatch_judge(news->broken, watch->config, read_result, &state, now_ms);
}

int linkwatch_describe(char text[static LINKWATCH_TEXT_BYTES], const struct config *config)
{
	char absent[LAYER_NAMES_BYTES];
	struct linkstate state = {.at_ms = 0};
	uint64_t frames = 0;
	if (config->is_unwatched) {
		snprintf(text, LINKWATCH_TEXT_BYTES, "absent = all: no layer is looked at");
		return 0;
	}
	int read_result = linkwatch_read(&state, config->runtime);
	int result = linkwatch_judge(text, config, read_result, &state, linkwatch_now_ms());
	if (result != 0)
		return result;
	for (int i = 0; i < FRAMES_SOURCES; i++)
		if (state.frames.is_counted[i] && state.frames.count[i] > frames)
			frames = state.frames.count[i];
	layers_absent(absent, config);
	snprintf(text, LINKWATCH_TEXT_BYTES, "every layer holds at %s%s%s; %" PRIu64 " frames went the wrong way",
		 config->interface, absent[0] != 0 ? "; absent: " : "", absent, frames);
	return 0;
}
