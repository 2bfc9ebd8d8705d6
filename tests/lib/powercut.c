/*
 * powercut: cuts the power of a recorded disk (recorder.c) again and again, lets the box recover, and judges.
 *
 *   powercut spool BASE LOG CONFIG KEY COUNT SEED     KEY: of a person who may push on the route files
 *   powercut vault BASE LOG CONFIG TRUTH COUNT SEED   TRUTH: the folder of the bundles as they were in the end
 *
 * BASE is the disk before the first record, LOG the records; the disk is mounted where CONFIG has its spool or
 * vault.  Prints a line for each complaint (at most 20), and "states N bad N records N marks N claims N seconds N" at the
 * end, where claims are symbols that arrival maps say are here.
 * Exit status 0 when it could judge, whatever it found.  Needs root.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/suite.h"
#include "tests/lib/cuts.h"
#include "tests/lib/judge_spool.h"
#include "tests/lib/judge_vault.h"

enum { SIDE = 1, BASE, LOG, CONFIG, EXTRA, COUNT, SEED, ARGUMENTS };
enum { MARKS_MAX = 1024, COMPLAINTS_MAX = 20, COMPLAINT_BYTES = 8192 };

struct powercut {
	bool is_vault;
	struct cuts cuts;
	struct spool_world spool;
	struct vault_world vault;
	struct mark marks[MARKS_MAX];
	size_t mark_records[MARKS_MAX]; /* which record each is */
	size_t mark_count;
	uint64_t states, bad;
	uint64_t *claimed;                /* claims of maps that were looked at: shared with the judges */
	char complaints[COMPLAINT_BYTES]; /* of the state that is being judged */
};

static void need(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "powercut: %s: %s\n", what, verdict_explain(result));
	exit(2);
}

static void load_spool(struct spool_world *w, const char *config, const char *person)
{
	struct setup_problem problem;
	need(setup_load(&w->setup, config, &problem), config);
	need(setup_box_key(&w->box, &w->setup, &problem), "the key of the box");
	need(key_load(&w->person, person, NULL), person);
}

static int load_truth(int dir_fd, const char *name, void *context)
{
	struct vault_world *w = context;
	if (w->truth_count == TRUTHS_MAX || !truth_load(&w->truths[w->truth_count], dir_fd, name))
		return -EINVAL;
	w->truth_count++;
	return 0;
}

static void load_vault(struct vault_world *w, const char *config, const char *truth)
{
	char problem[PROBLEM_BYTES];
	need(config_load(&w->config, CONFIG_RECEIVER, config, problem), config);
	need(roots_load(&w->roots, w->config.roots, problem), "the roots");
	need(registry_load(&w->registry, w->config.registry, w->roots, problem), "the registry");
	need(key_load(&w->box, w->config.box_key, NULL), "the key of the box");
	need(io_each_name(io_open_dir(AT_FDCWD, truth), load_truth, w), truth);
	snprintf(w->scratch, sizeof(w->scratch), "/dev/shm/weir-powercut.XXXXXX");
	need(mkdtemp(w->scratch) == NULL ? -errno : 0, w->scratch);
}

/* All marks, with the record that each is. */
static void read_marks(struct powercut *p)
{
	for (size_t i = 0; i < p->cuts.count; i++) {
		const struct record *record = cuts_record(&p->cuts, i);
		char line[MARK_WORDS * WORD_BYTES];
		if (record->type != RECORD_MARK)
			continue;
		need(p->mark_count == MARKS_MAX || record->len >= sizeof(line) ? -E2BIG : 0, "marks");
		memcpy(line, cuts_bytes(&p->cuts, i), record->len);
		line[record->len] = 0;
		struct mark *mark = &p->marks[p->mark_count];
		(void)sscanf(line, "%79s %79s %79s", mark->words[0], mark->words[1], mark->words[2]);
		p->mark_records[p->mark_count++] = i;
	}
}

/* In a process of its own, so that nothing of one state is left for the next. */
static void judge(struct powercut *p, FILE *complaints, size_t cut)
{
	static struct judging j;
	j.complaints = complaints;
	j.marks = p->marks;
	while (j.mark_count < p->mark_count && p->mark_records[j.mark_count] < cut)
		j.mark_count++;
	/* what the programs tell of is for people */
	if (freopen("/dev/null", "w", stderr) == NULL)
		complain(&j, "cannot be quiet");
	if (p->is_vault)
		judge_vault(&j, &p->vault);
	else
		judge_spool(&j, &p->spool);
	*p->claimed += j.claims;
	fclose(complaints);
}

static void read_complaints(struct powercut *p, int fd)
{
	ssize_t n = io_read(fd, p->complaints, sizeof(p->complaints) - 1);
	p->complaints[n < 0 ? 0 : n] = 0;
	close(fd);
}

/* Mounts, judges, unmounts; what is wrong is in p->complaints. */
static void judge_state(struct powercut *p, size_t cut)
{
	int fds[2], status;
	int result = cuts_mount(&p->cuts);
	if (result != 0) {
		snprintf(p->complaints, sizeof(p->complaints), "the disk cannot be mounted: %s\n",
			 strerror(-result));
		return;
	}
	if (p->is_vault && mount("weir", p->vault.scratch, "tmpfs", 0, "size=64m") < 0)
		cuts_die(p->vault.scratch);
	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC) < 0)
		cuts_die("pipe");
	pid_t child = fork();
	if (child < 0)
		cuts_die("fork");
	if (child == 0) {
		close(fds[0]);
		judge(p, fdopen(fds[1], "w"), cut);
		_exit(0);
	}
	close(fds[1]);
	read_complaints(p, fds[0]);
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(p->complaints, sizeof(p->complaints), "the judge died: %d\n", status);
	cuts_unmount(&p->cuts);
	/* the maps in use do not outlive the machine */
	if (p->is_vault && umount(p->vault.scratch) < 0)
		cuts_die(p->vault.scratch);
}

static const char *const fates[CUT_FATES] = {"none", "all", "pages", "sectors"};

static void try_cut(struct powercut *p, size_t cut, enum cut_fate fate)
{
	cuts_make(&p->cuts, cut, fate);
	judge_state(p, cut);
	p->states++;
	if (p->complaints[0] == 0)
		return;
	if (p->bad++ < COMPLAINTS_MAX)
		printf("cut behind record %zu, %s of what was not flushed: %s", cut, fates[fate], p->complaints);
}

/* Half of the cuts where something had just been told, half anywhere. */
static size_t choose_cut(struct powercut *p, uint64_t i)
{
	if (i % 2 == 0 || p->mark_count == 0)
		return 1 + cuts_random(&p->cuts, p->cuts.count);
	size_t after = p->mark_records[cuts_random(&p->cuts, p->mark_count)] + 1;
	size_t cut = after + cuts_random(&p->cuts, 12);
	return cut < p->cuts.count ? cut : p->cuts.count;
}

static int compare_sizes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void cut_all(struct powercut *p, uint64_t count)
{
	size_t *chosen = calloc(count, sizeof(*chosen));
	if (chosen == NULL)
		cuts_die("memory");
	for (uint64_t i = 0; i < count; i++)
		chosen[i] = choose_cut(p, i);
	qsort(chosen, count, sizeof(*chosen), compare_sizes);
	double start = seconds();
	for (uint64_t i = 0; i < count; i++)
		try_cut(p, chosen[i], (enum cut_fate)cuts_random(&p->cuts, CUT_FATES));
	printf("states %" PRIu64 " bad %" PRIu64 " records %zu marks %zu claims %" PRIu64 " seconds %.1f\n",
	       p->states, p->bad, p->cuts.count, p->mark_count, *p->claimed, seconds() - start);
	free(chosen);
}

int main(int argc, char **argv)
{
	if (argc != ARGUMENTS || (strcmp(argv[SIDE], "spool") != 0 && strcmp(argv[SIDE], "vault") != 0)) {
		fprintf(stderr, "usage: powercut spool|vault BASE LOG CONFIG KEY|TRUTH COUNT SEED\n");
		return 2;
	}
	struct powercut *p = calloc(1, sizeof(*p));
	if (p == NULL || suite_start() != 0)
		cuts_die("cannot start");
	/* a copy of a mount in another's namespace would keep the disk of one state for all that follow */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		cuts_die("no mounts of its own");
	p->is_vault = strcmp(argv[SIDE], "vault") == 0;
	if (p->is_vault)
		load_vault(&p->vault, argv[CONFIG], argv[EXTRA]);
	else
		load_spool(&p->spool, argv[CONFIG], argv[EXTRA]);
	cuts_open(&p->cuts, argv[BASE], argv[LOG],
		  p->is_vault ? p->vault.config.vault : p->spool.setup.config.spool,
		  strtoull(argv[SEED], NULL, 10));
	read_marks(p);
	p->claimed = mmap(NULL, sizeof(*p->claimed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->claimed == MAP_FAILED)
		cuts_die("memory");
	cut_all(p, strtoull(argv[COUNT], NULL, 10));
	if (p->is_vault && rmdir(p->vault.scratch) < 0)
		cuts_die(p->vault.scratch);
	return 0;
}
