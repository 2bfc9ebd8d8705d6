/*
 * questions: what a person who sets up a box is asked: at the terminal, or by a file of answers.
 *
 * A file of answers is a text in sections (ini.h) with one of them, [answers], and `key = value` for each question: one file
 * serves both boxes of a pair, and each takes its own.
 */
#ifndef WEIR_QUESTIONS_H
#define WEIR_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "registry.h" /* PROBLEM_BYTES */

enum { ANSWER_BYTES = 128, ANSWERS_FILE_MAX = 65536 };

struct question {
	const char *key;
	const char *text;     /* what is asked, without the mark */
	const char *fallback; /* when nobody answers; NULL: somebody has to */
	/* NULL when the answer will do, else what is wrong with it, a text that stays. */
	const char *(*judge)(const char *answer);
};

struct answer {
	char text[ANSWER_BYTES]; /* "" when there is none yet */
};

/*
 * Fills answers, one for each of `count` questions, from the file; the others stay as they were.  problem as in
 * registry.h.  0, -errno, VERDICT_BAD_CONFIGURATION.
 */
int questions_load(struct answer *answers, const struct question *questions, size_t count, const char *path,
		   char problem[static PROBLEM_BYTES]);

/*
 * Asks one on stderr and reads the answer from stdin, until one will do: an empty line takes what stands in answer, or
 * else the fallback, which the question shows.  0; -ENOTTY when stdin is no terminal and there is nothing to take; -EPIPE at
 * the end of the input.
 */
int questions_ask(struct answer *answer, const struct question *question);

/* Without asking: the answer that stands there, or the fallback.  -ENOENT when there is neither. */
int questions_take(struct answer *answer, const struct question *question);

/* Whether a person says yes: an answer that begins with y or Y.  Nobody at a terminal says no. */
bool questions_confirm(const char *text);

#endif
