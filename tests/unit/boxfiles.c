/* What setup makes of answers: the texts, the answers themselves, and the files that are shown and written. */
#include "common/boxfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/template.h"
#include "common/verdict.h"
#include "receiver/shipped.h"
#include "tests/lib/tap.h"

static void test_template(void)
{
	static const char shipped_text[] = "; a\n[one]\n;key = 1\nother = 2\n[two]\n# note\n#key=3\nkeyed = 4\n";
	struct template t;
	template_start(&t, shipped_text);
	template_set(&t, "two", "key", "key=30");
	is_text(t.text, "; a\n[one]\n;key = 1\nother = 2\n[two]\n# note\nkey=30\nkeyed = 4\n", "a key is set in its section alone");
	template_set(&t, "one", "key", "key = 10");
	template_set(&t, "one", "other", "other = a longer one");
	is_text(t.text, "; a\n[one]\nkey = 10\nother = a longer one\n[two]\n# note\nkey=30\nkeyed = 4\n",
		"what was switched off is on, and nothing else has changed");
	template_set(&t, "one", "key", "renamed = 1");
	is_text(t.text, "; a\n[one]\nrenamed = 1\nother = a longer one\n[two]\n# note\nkey=30\nkeyed = 4\n", "a line may be another key");
	is_number(template_finish(&t), 0, "no step has failed");
	is_number((int64_t)t.len, (int64_t)strlen(t.text), "its length is known");
	template_free(&t);
	is_number(template_finish(&t), -ENOMEM, "without a text it has failed");
	template_set(&t, "one", "key", "key = 1");
	ok(t.text == NULL, "and steps behind that are nothing");
}

static void test_prefix(void)
{
	static const struct {
		const char *one, *other;
		unsigned int prefix;
	} cases[] = {
		{"192.0.2.1", "192.0.2.2", 30},  {"192.0.2.2", "192.0.2.1", 30},   {"192.0.2.3", "192.0.2.4", 29},
		{"192.0.2.0", "192.0.2.1", 22},  {"10.1.2.3", "10.1.2.9", 28},	   {"10.0.0.1", "10.255.0.1", 8},
		{"10.0.0.1", "11.0.0.1", 0},     {"192.0.2.1", "192.0.2.1", 0},    {"192.0.2.1", "nothing", 0},
		{"192.0.2.7", "192.0.2.9", 28},  {"192.0.2.127", "192.0.2.128", 24},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_number(boxfiles_prefix(cases[i].one, cases[i].other), cases[i].prefix, "%s and %s", cases[i].one, cases[i].other);
}

static void test_judges(void)
{
	static const struct {
		enum boxfiles_answer which;
		const char *good, *bad[6];
	} cases[] = {
		{BOXFILES_SENDER_NAME, "inside-1", {"Inside", "1", "a b", "../x", "", NULL}},
		{BOXFILES_SENDER_NIC, "enp3s0f0", {"a b", "a/b", "averylonginterface", "eth0;", NULL}},
		{BOXFILES_SENDER_ADDRESS, "192.0.2.1", {"192.0.2", "192.0.2.256", "::1", "fe80", "x", NULL}},
		{BOXFILES_MTU, "9000", {"1499", "9001", "-1", "1500 ", "", NULL}},
		{BOXFILES_RATE, "2.5 Gbit/s", {"2.5Gbit/s", "fast", "10", "10 MB/s", " 1 Gbit/s", NULL}},
		{BOXFILES_SENDER_FOLDER, "/srv/weir", {"srv", "/", "/srv/", "/a b", "/a/../b", "/a;b"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct question *question = &boxfiles_questions[cases[i].which];
		ok(question->judge(cases[i].good) == NULL, "'%s' will do for %s", cases[i].good, question->key);
		for (size_t j = 0; j < 6 && cases[i].bad[j] != NULL; j++)
			ok(question->judge(cases[i].bad[j]) != NULL, "'%s' will not", cases[i].bad[j]);
	}
	for (enum boxfiles_answer i = 0; i < BOXFILES_ANSWERS_END; i++) {
		const struct question *question = &boxfiles_questions[i];
		ok(question->fallback == NULL || question->judge(question->fallback) == NULL, "the default of %s will do", question->key);
		ok(boxfiles_asks(CONFIG_SENDER, i) || boxfiles_asks(CONFIG_RECEIVER, i), "one of the boxes asks for it");
	}
}

static int load(struct answer *answers, const char *text, char problem[static PROBLEM_BYTES])
{
	const char *path = test_path("answers");
	unlink(path);
	if (io_create_path(path, text, strlen(text), 0644) != 0)
		abort();
	memset(answers, 0, BOXFILES_ANSWERS_END * sizeof(*answers));
	return questions_load(answers, boxfiles_questions, BOXFILES_ANSWERS_END, path, problem);
}

static void test_answers(void)
{
	static const char *const bad[] = {
		"[answers]\nmtu = 10\n", "[answers]\nnothing = 1\n", "[other]\nmtu = 1500\n", "mtu = 1500\n", "[answers]\nmtu\n",
	};
	struct answer answers[BOXFILES_ANSWERS_END];
	char problem[PROBLEM_BYTES];
	is_number(load(answers, "; of both\n[answers]\nmtu = 9000\nreceiver_nic = eth1\n", problem), 0, "answers are read");
	is_text(answers[BOXFILES_MTU].text, "9000", "the one");
	is_text(answers[BOXFILES_RECEIVER_NIC].text, "eth1", "the other");
	is_number(questions_take(&answers[BOXFILES_RATE], &boxfiles_questions[BOXFILES_RATE]), 0, "what is not there has its default");
	is_text(answers[BOXFILES_RATE].text, "500 Mbit/s", "which is this");
	is_number(questions_take(&answers[BOXFILES_SENDER_NIC], &boxfiles_questions[BOXFILES_SENDER_NIC]), -ENOENT,
		  "but not where somebody has to say");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_number(load(answers, bad[i], problem), VERDICT_BAD_CONFIGURATION, "bad answers %zu are refused", i);
		ok(problem[0] >= '1' && problem[0] <= '9', "with their line: %s", problem);
	}
	chmod(test_path("answers"), 0666);
	is_number(questions_load(answers, boxfiles_questions, BOXFILES_ANSWERS_END, test_path("answers"), problem),
		  VERDICT_LOOSE_PERMISSIONS, "nor are answers taken that anybody could have written");
}

/* ---- the files ---- */

static char *content(const char *path)
{
	uint8_t *text = NULL;
	size_t len = 0;
	return io_read_file(AT_FDCWD, path, SITEPLAN_FILE_MAX, &text, &len) == 0 ? (char *)text : strdup("");
}

static void plan_one(struct siteplan *plan, const char *root, const char *text)
{
	*plan = (struct siteplan){.root = root};
	is_number(siteplan_add(plan, "/etc/some/file", 0640, strdup(text)), 0, "a file is planned");
}

static void test_plan(void)
{
	struct siteplan plan;
	struct stat st;
	size_t at = 9;
	char *path, *old, *text;
	const char *root = test_path("root");
	if (mkdir(root, 0755) < 0 || asprintf(&path, "%s/etc/some/file", root) < 0 || asprintf(&old, "%s.old", path) < 0)
		abort();
	plan_one(&plan, root, "one\n");
	is_number(plan.files[0].state, SITEPLAN_NEW, "it is new");
	ok(access(path, F_OK) < 0, "and not there while it is only planned");
	is_number(siteplan_write(&plan, &at), 0, "it is written, and its directories");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "with its mode");
	siteplan_free(&plan);
	plan_one(&plan, root, "one\n");
	is_number(plan.files[0].state, SITEPLAN_SAME, "the same again is as it is");
	is_number((int64_t)siteplan_count(&plan), 0, "nothing would be written");
	siteplan_free(&plan);
	plan_one(&plan, root, "two\n");
	is_number(plan.files[0].state, SITEPLAN_CHANGED, "another text is a change");
	is_number(siteplan_write(&plan, &at), 0, "which is written");
	siteplan_free(&plan);
	is_text(text = content(path), "two\n", "the new one is there");
	free(text);
	is_text(text = content(old), "one\n", "the old one beside it");
	free(text);
	plan_one(&plan, root, "three\n");
	if (unlink(old) < 0 || mkdir(old, 0755) < 0)
		abort();
	ok(siteplan_write(&plan, &at) < 0 && at == 0, "where the old one cannot be kept nothing is written");
	siteplan_free(&plan);
	is_text(text = content(path), "two\n", "and what was there is there");
	free(text);
	plan = (struct siteplan){.root = root};
	is_number(siteplan_add(&plan, "/etc/some/file.old", 0640, strdup("x")), VERDICT_NOT_REGULAR, "a directory in a file's place is said");
	is_number(siteplan_add(&plan, "/x", 0640, NULL), -ENOMEM, "so is a text for which there was no memory");
	siteplan_free(&plan);
	free(path);
	free(old);
}

static void answer_all(struct answer answers[static BOXFILES_ANSWERS_END])
{
	memset(answers, 0, BOXFILES_ANSWERS_END * sizeof(*answers));
	for (enum boxfiles_answer i = 0; i < BOXFILES_ANSWERS_END; i++)
		if (questions_take(&answers[i], &boxfiles_questions[i]) != 0)
			strcpy(answers[i].text, "eth1");
}

static const struct siteplan_file *planned(const struct siteplan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strstr(plan->files[i].path, name) != NULL)
			return &plan->files[i];
	return NULL;
}

static void test_box(void)
{
	struct answer answers[BOXFILES_ANSWERS_END];
	struct siteplan plan = {.root = test_path("empty")};
	struct niclist_nic nic = {.name = "eth1", .permanent = "00:11:22:33:44:55"};
	const struct boxsetup_shipped files = receiver_shipped();
	answer_all(answers);
	is_number(boxfiles_plan(&plan, CONFIG_RECEIVER, &files, answers, &nic), 0, "the files of a box are planned");
	is_number((int64_t)plan.count, 3, "of one with all defaults: answers, configuration and link");
	ok(strstr(planned(&plan, ".link")->text, "\nPermanentMACAddress=00:11:22:33:44:55\n") != NULL,
	   "its NIC is known by the address that is printed on it");
	siteplan_free(&plan);
	nic.permanent[0] = 0;
	strcpy(answers[BOXFILES_RECEIVER_ADDRESS].text, "10.0.0.9");
	strcpy(answers[BOXFILES_SENDER_ADDRESS].text, "10.0.0.10");
	strcpy(answers[BOXFILES_RECEIVER_FOLDER].text, "/srv/weir");
	strcpy(answers[BOXFILES_MTU].text, "9000");
	is_number(boxfiles_plan(&plan, CONFIG_RECEIVER, &files, answers, &nic), 0, "other answers");
	is_number((int64_t)plan.count, 5, "have a network file, and what lets weir-keep write elsewhere");
	ok(strstr(planned(&plan, ".network")->text, "\nAddress=10.0.0.9/30\n") != NULL, "the address has the length of its prefix");
	ok(strstr(planned(&plan, "weir-keep")->text, "\nReadWritePaths=/srv/weir\n") != NULL, "the folder is said");
	ok(strstr(planned(&plan, "receiver.conf")->text, "\nvault = /srv/weir/vault\n") != NULL, "in the configuration, too");
	ok(strstr(planned(&plan, ".link")->text, "\nOriginalName=eth1\n") != NULL, "a NIC without a printed address is known by its name");
	ok(strstr(planned(&plan, ".link")->text, "\nMTUBytes=9000\n") != NULL, "it has its MTU");
	siteplan_free(&plan);
	strcpy(answers[BOXFILES_SENDER_ADDRESS].text, "11.0.0.1");
	is_number(boxfiles_plan(&plan, CONFIG_RECEIVER, &files, answers, &nic), -EINVAL, "addresses of two networks make no plan");
	siteplan_free(&plan);
}

int main(void)
{
	test_template();
	test_prefix();
	test_judges();
	test_answers();
	test_plan();
	test_box();
	return done_testing();
}
