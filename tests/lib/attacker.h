/*
 * attacker: what the hand-made clients of the attack tests share.  A client is told what to do in words
 * KEY=VALUE; what is not said is done as the programs do it.
 */
#ifndef WEIR_TEST_ATTACKER_H
#define WEIR_TEST_ATTACKER_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/io.h"
#include "common/key.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/local.h"

enum { FILE_MAX = 1 << 20 };

/* The words of a command line, to their end. */
struct words {
	char **list;
};

static inline void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "attacker: %s\n", what);
	exit(2);
}

/* The value of a word, or what is meant without it. */
static inline const char *said(const struct words *words, const char *key, const char *otherwise)
{
	size_t len = strlen(key);
	for (char **word = words->list; *word != NULL; word++)
		if (strncmp(*word, key, len) == 0 && (*word)[len] == '=')
			return *word + len + 1;
	return otherwise;
}

static inline uint64_t said_number(const struct words *words, const char *key, uint64_t otherwise)
{
	const char *value = said(words, key, NULL);
	return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

static inline struct card card_of(const char *path)
{
	struct card card = {.kind = 0};
	bool is_protected;
	need(path != NULL && key_load_card(&card, path, &is_protected) == 0, "cannot read a key file");
	return card;
}

static inline struct key *key_of(const char *path)
{
	struct key *key = NULL;
	need(path != NULL && key_load(&key, path, NULL) == 0, "cannot open a key");
	return key;
}

static inline void name_of(char out[static NAME_BYTES], const char *name)
{
	memset(out, 0, NAME_BYTES);
	need(name_is_valid(name), "no name");
	memcpy(out, name, strlen(name));
}

static inline size_t load(const char *path, void *out, size_t size)
{
	uint8_t *data = NULL;
	size_t len = 0;
	need(io_read_file(AT_FDCWD, path, size, &data, &len) == 0, "cannot read a file");
	memcpy(out, data, len);
	free(data);
	return len;
}

static inline void save(const char *path, const void *data, size_t len)
{
	if (path == NULL)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(fd >= 0 && io_write(fd, data, len) == 0 && io_close(fd) == 0, "cannot write a file");
}

static inline int connect_to(const char *runtime, const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", runtime, name);
	int fd = channel_connect(path);
	if (fd < 0) {
		printf("refused environment: %s: %s\n", name, strerror(-fd));
		exit(1);
	}
	return fd;
}

static inline void send_frame(int fd, enum local_type type, const void *payload, size_t len)
{
	/* whoever hangs up has said why, and that is read next */
	(void)channel_send(fd, (uint16_t)type, payload, len);
}

/* One frame; anything but the wanted kind ends it: a refusal, or the end of the connection. */
static inline size_t expect(int fd, enum local_type wanted, void *out, size_t size)
{
	static uint8_t payload[CHANNEL_BYTES_MAX];
	char about[4 * LOCAL_WHERE_BYTES];
	struct local_refused refused;
	uint16_t type = 0;
	size_t len = 0;
	int result = channel_receive(fd, &type, payload, sizeof(payload), &len);
	if (result == 0 && type == wanted && len <= size) {
		memcpy(out, payload, len);
		return len;
	}
	if (result == 0 && type == LOCAL_REFUSED && local_refused_decode(&refused, payload, len) == 0)
		printf("refused %s: %s\n",
		       refused.result > 0 ? verdict_name(refused.result) : strerror(-refused.result),
		       text_escape_name(about, sizeof(about), refused.where));
	else
		printf("refused %s: %s\n", "hung-up", result < 0 ? strerror(-result) : "another answer");
	exit(1);
}

/* ACCEPTED, the end of a push that was let in. */
static inline int tell_accepted(int fd)
{
	uint8_t payload[LOCAL_ACCEPTED_BYTES];
	struct local_accepted accepted;
	char push_id[2 * PUSH_ID_BYTES + 1];
	size_t len = expect(fd, LOCAL_ACCEPTED, payload, sizeof(payload));
	need(local_accepted_decode(&accepted, payload, len) == 0, "cannot read the answer");
	printf("accepted %s %s\n", text_hex(push_id, sizeof(push_id), accepted.push_id, PUSH_ID_BYTES),
	       accepted.name[0] != 0 ? accepted.name : "waiting");
	return 0;
}

#endif
