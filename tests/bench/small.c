/*
 * small: many small text files, from a seed.
 *
 *   small DIR COUNT SEED    DIR/000/000000.txt …, 1,000 to a folder, 200 to 4,000 bytes each
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEAST_BYTES = 200, MOST_BYTES = 4000, TO_A_FOLDER = 1000, LETTERS = 32 };

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Twelve letters to a draw. */
static size_t write_text(char text[static MOST_BYTES], uint64_t *state)
{
	static const char letters[LETTERS + 1] = "etaoinshrdlu cmfwypvbgkjqxz ,.\n\n";
	size_t len = LEAST_BYTES + (size_t)(draw(state) % (MOST_BYTES - LEAST_BYTES + 1));
	for (size_t i = 0; i < len;) {
		uint64_t bits = draw(state);
		for (int k = 0; k < 12 && i < len; k++, bits >>= 5)
			text[i++] = letters[bits % LETTERS];
	}
	return len;
}

static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, len);
	return close(fd) == 0 && written == (ssize_t)len ? 0 : -1;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: small DIR COUNT SEED\n");
		return 2;
	}
	uint64_t count = strtoull(argv[2], NULL, 10), state = strtoull(argv[3], NULL, 10);
	if (mkdir(argv[1], 0700) < 0 || chdir(argv[1]) < 0) {
		perror(argv[1]);
		return 1;
	}
	for (uint64_t i = 0; i < count; i++) {
		char path[64], text[MOST_BYTES];
		snprintf(path, sizeof(path), "%03u", (unsigned int)(i / TO_A_FOLDER));
		if (i % TO_A_FOLDER == 0 && mkdir(path, 0700) < 0) {
			perror(path);
			return 1;
		}
		snprintf(path, sizeof(path), "%03u/%06u.txt", (unsigned int)(i / TO_A_FOLDER), (unsigned int)i);
		if (write_file(path, text, write_text(text, &state)) < 0) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
