#include "questions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ini.h"
#include "trusted.h"
#include "verdict.h"

struct loading {
	struct answer *answers;
	const struct question *questions;
	size_t count;
};

static const char *take_line(void *context, const char *section, const char *key, const char *value, int line)
{
	struct loading *loading = context;
	(void)line;
	if (strcmp(section, "answers") != 0)
		return "the only section is [answers]";
	if (key == NULL)
		return NULL;
	for (size_t i = 0; i < loading->count; i++) {
		if (strcmp(loading->questions[i].key, key) != 0)
			continue;
		if (strlen(value) >= ANSWER_BYTES)
			return "this answer is too long";
		const char *wrong = loading->questions[i].judge(value);
		if (wrong == NULL)
			snprintf(loading->answers[i].text, ANSWER_BYTES, "%s", value);
		return wrong;
	}
	return "nothing of this name is asked";
}

int questions_load(struct answer *answers, const struct question *questions, size_t count, const char *path,
		   char problem[static PROBLEM_BYTES])
{
	struct loading loading = {answers, questions, count};
	uint8_t *text = NULL;
	size_t len = 0;
	problem[0] = 0;
	/* it says what is written as root */
	int result = trusted_read(path, 022, ANSWERS_FILE_MAX, &text, &len);
	if (result != 0)
		return result;
	result = ini_read(text, len, VERDICT_BAD_CONFIGURATION, take_line, &loading, problem);
	trusted_free(text, len);
	return result;
}

int questions_take(struct answer *answer, const struct question *question)
{
	if (answer->text[0] == 0 && question->fallback != NULL)
		snprintf(answer->text, sizeof(answer->text), "%s", question->fallback);
	return answer->text[0] != 0 ? 0 : -ENOENT;
}

int questions_ask(struct answer *answer, const struct question *question)
{
	char line[ANSWER_BYTES + 1];
	bool is_there = answer->text[0] != 0 || question->fallback != NULL;
	if (isatty(STDIN_FILENO) != 1)
		return questions_take(answer, question) == 0 ? 0 : -ENOTTY;
	for (;;) {
		const char *offered = answer->text[0] != 0 ? answer->text : is_there ? question->fallback : "";
		fprintf(stderr, "%s%s%s%s: ", question->text, is_there ? " [" : "", offered, is_there ? "]" : "");
		if (fgets(line, sizeof(line), stdin) == NULL)
			return -EPIPE;
		size_t len = strcspn(line, "\n");
		bool is_whole = line[len] == '\n';
		for (int c; !is_whole && (c = getchar()) != EOF;)
			if (c == '\n')
				break;
		line[len] = 0;
		if (len == 0 && is_there)
			return questions_take(answer, question);
		const char *wrong = !is_whole ? "this is too long" : len == 0 ? "this has no answer yet" : question->judge(line);
		if (wrong == NULL) {
			memcpy(answer->text, line, len + 1);
			return 0;
		}
		fprintf(stderr, "  %s\n", wrong);
	}
}

bool questions_confirm(const char *text)
{
	char line[16];
	if (isatty(STDIN_FILENO) != 1)
		return false;
	fprintf(stderr, "%s [y/N]: ", text);
	return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}
