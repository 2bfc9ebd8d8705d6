/*
 * powercut: cuts the power of a recorded disk (recorder.c) again and again, lets the box recover, and judges.
 *
 *   powercut spool BASE LOG CONFIG KEY COUNT SEED [AGAIN]     KEY: of a person who may push on the route files
 *   powercut vault BASE LOG CONFIG TRUTH COUNT SEED [AGAIN]   TRUTH: the folder of the bundles as they were in the end
 *
 * BASE is the disk before the first record, LOG the records; the disk is mounted where CONFIG has its vault, or the
 * folder of its spool and witness.  With AGAIN the recovery from each of the COUNT cuts is recorded (rerecord.h) and cut so
 * many times, and it is these that are judged.  It wants careless.so before it; what WEIR_CARELESS names is set, as
 * careless.c knows it, for the recovery that is recorded.
 *
 * Prints a line for each complaint (at most 20), and "states N bad N records N marks N claims N witnesses N put_back N
 * unwitnessed N seconds N" at the end: claims are symbols that arrival maps say are here, witnesses those that were there,
 * put_back the older spools that were held against one, unwitnessed the states whose witness was complained of; records and
 * marks with AGAIN those of all recoveries.
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
#include "tests/lib/rerecord.h"

enum { SIDE = 1, BASE, LOG, CONFIG, EXTRA, COUNT, SEED, ARGUMENTS, AGAIN = ARGUMENTS };
enum { MARKS_MAX = 1024, COMPLAINTS_MAX = 20, COMPLAINT_BYTES = 8192, OLDER_MAX = 8, NEAR_A_MARK = 12 };

/* A recording, and what was said while it was made. */
struct tape {
	struct cuts cuts;
	struct mark marks[MARKS_MAX];
	size_t mark_records[MARKS_MAX]; /* which record each is */
	size_t mark_count;
};

/* What judges tell the next ones: they are processes of their own. */
struct sums {
	uint64_t claims, witnesses, put_back;
};

struct powercut {
	bool is_vault;
	struct spool_world spool;
	struct vault_world vault;
	struct tape tape;
	struct tape again;               /* of the recovery from one cut */
	struct rerecord rerecord;
	uint64_t states, bad, unwitnessed;
	size_t records, marks;
	size_t older_count;              /* copies of the spool, in the scratch folder */
	char scratch[64];                /* in TMPDIR, which should be memory */
	struct sums *sums;
	struct mark told[2 * MARKS_MAX]; /* before the cut that is judged */
	size_t told_count;
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
	/* the pages in memory went with the power */
	snprintf(w->setup.config.runtime, sizeof(w->setup.config.runtime), "/nowhere");
}

static int load_truth(int dir_fd, const char *name, void *context)
{
	struct vault_world *w = context;
	if (w->truth_count == TRUTHS_MAX || !truth_load(&w->truths[w->truth_count], dir_fd, name))
		return -EINVAL;
	w->truth_count++;
	return 0;
}

static void load_vault(struct vault_world *w, const char *config, const char *truth, const char *scratch)
{
	char problem[PROBLEM_BYTES];
	need(config_load(&w->config, CONFIG_RECEIVER, config, problem), config);
	need(roots_load(&w->roots, w->config.roots, problem), "the roots");
	need(registry_load(&w->registry, w->config.registry, w->roots, problem), "the registry");
	need(key_load(&w->box, w->config.box_key, NULL), "the key of the box");
	need(io_each_name(io_open_dir(AT_FDCWD, truth), load_truth, w), truth);
	int n = snprintf(w->scratch, sizeof(w->scratch), "%s/maps", scratch);
	need(n < 0 || (size_t)n >= sizeof(w->scratch) ? -ENAMETOOLONG : io_make_dir(AT_FDCWD, w->scratch, 0700), "maps");
}

/* All marks, with the record that each is. */
static void read_marks(struct tape *t)
{
	t->mark_count = 0;
	for (size_t i = 0; i < t->cuts.count; i++) {
		const struct record *record = cuts_record(&t->cuts, i);
		char line[MARK_WORDS * WORD_BYTES];
		if (record->type != RECORD_MARK)
			continue;
		need(t->mark_count == MARKS_MAX || record->len >= sizeof(line) ? -E2BIG : 0, "marks");
		memcpy(line, cuts_bytes(&t->cuts, i), record->len);
		line[record->len] = 0;
		struct mark *mark = &t->marks[t->mark_count];
		*mark = (struct mark){.words = {""}};
		(void)sscanf(line, "%79s %79s %79s %79s %79s", mark->words[0], mark->words[1], mark->words[2],
			     mark->words[3], mark->words[4]);
		t->mark_records[t->mark_count++] = i;
	}
}

/* Adds what was said on this tape before a cut. */
static void add_told(struct powercut *p, const struct tape *t, size_t cut)
{
	for (size_t i = 0; i < t->mark_count && t->mark_records[i] < cut; i++)
		p->told[p->told_count++] = t->marks[i];
}

/* What becomes of a mounted disk, in a process of its own, so that nothing of it is left for the next. */
typedef void work_on(struct powercut *p, struct judging *j);

static void judge(struct powercut *p, struct judging *j)
{
	if (p->is_vault)
		judge_vault(j, &p->vault);
	else
		judge_spool(j, &p->spool);
}

static void rerun(struct powercut *p, struct judging *j)
{
	const char *careless = getenv("WEIR_CARELESS");
	bool is_careless = careless != NULL && careless[0] != 0;
	int marks = open(p->rerecord.marks, O_WRONLY | O_CLOEXEC);
	if (marks < 0 || setenv("WEIR_MARKS", p->rerecord.marks, 1) < 0 ||
	    (is_careless && setenv(careless, "1", 1) < 0))
		complain(j, "cannot mark");
	else if (p->is_vault)
		rerun_vault(j, &p->vault, marks);
	else
		rerun_spool(j, &p->spool, marks);
}

static _Noreturn void work(struct powercut *p, work_on *what, FILE *complaints)
{
	static struct judging j;
	j.complaints = complaints;
	j.marks = p->told;
	j.mark_count = p->told_count;
	/* what the programs tell of is for people */
	if (freopen("/dev/null", "w", stderr) == NULL)
		complain(&j, "cannot be quiet");
	what(p, &j);
	p->sums->claims += j.claims;
	p->sums->witnesses += j.witnesses;
	p->sums->put_back += j.put_back;
	fclose(complaints);
	_exit(0);
}

static void read_complaints(struct powercut *p, int fd)
{
	ssize_t n = io_read(fd, p->complaints, sizeof(p->complaints) - 1);
	p->complaints[n < 0 ? 0 : n] = 0;
	close(fd);
}

/* With the disk mounted; what is wrong is in p->complaints. */
static void work_apart(struct powercut *p, work_on *what)
{
	int fds[2], status;
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
		work(p, what, fdopen(fds[1], "w"));
	}
	close(fds[1]);
	read_complaints(p, fds[0]);
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(p->complaints, sizeof(p->complaints), "the judge died: %d\n", status);
	/* the maps in use do not outlive the machine */
	if (p->is_vault && umount(p->vault.scratch) < 0)
		cuts_die(p->vault.scratch);
}

static void shell(const char *command)
{
	int status = system(command);
	if (status != 0) {
		fprintf(stderr, "powercut: exit status %d of: %s\n", status, command);
		exit(2);
	}
}

/* What of the spool of this cut says how far it has come is put aside, eight times in the course of all cuts. */
static void put_aside(struct powercut *p, uint64_t count)
{
	char command[3 * CONFIG_PATH_BYTES];
	const char *spool = p->spool.setup.config.spool;
	if (p->is_vault || p->states < p->older_count * count / OLDER_MAX || p->older_count == OLDER_MAX)
		return;
	snprintf(command, sizeof(command), "cd '%s' 2>/dev/null && test -e ledger || exit 0; mkdir '%s/%zu' && for file in epoch counters "
		 "sequence registry-* ledger; do test ! -e $file || cp -a $file '%s/%zu' || exit; done", spool, p->scratch,
		 p->older_count, p->scratch, p->older_count);
	shell(command);
	snprintf(command, sizeof(command), "%s/%zu", p->scratch, p->older_count);
	p->older_count += access(command, F_OK) == 0;
}

static void choose_older(struct powercut *p)
{
	if (p->older_count > 0)
		snprintf(p->spool.older, sizeof(p->spool.older), "%s/%d", p->scratch,
			 (int)cuts_random(&p->tape.cuts, p->older_count));
}

static const char *const fates[CUT_FATES] = {"none", "all", "pages", "sectors"};

static void count_state(struct powercut *p, size_t cut, enum cut_fate fate)
{
	p->states++;
	p->unwitnessed += strstr(p->complaints, "the witness") != NULL;
	if (p->complaints[0] == 0)
		return;
	if (p->bad++ < COMPLAINTS_MAX)
		printf("cut behind record %zu, %s of what was not flushed: %s", cut, fates[fate], p->complaints);
}

/* Mounts, judges, unmounts. */
static void try_cut(struct powercut *p, struct tape *t, size_t cut, uint64_t count)
{
	enum cut_fate fate = (enum cut_fate)cuts_random(&t->cuts, CUT_FATES);
	cuts_make(&t->cuts, cut, fate);
	int result = cuts_mount(&t->cuts);
	if (result != 0) {
		snprintf(p->complaints, sizeof(p->complaints), "the disk cannot be mounted: %s\n", strerror(-result));
	} else {
		choose_older(p);
		if (count > 0)
			put_aside(p, count);
		work_apart(p, judge);
		cuts_unmount(&t->cuts);
	}
	count_state(p, cut, fate);
}

/* Half of the cuts where something had just been told, half anywhere. */
static size_t choose_cut(struct tape *t, uint64_t i)
{
	if (i % 2 == 0 || t->mark_count == 0)
		return 1 + cuts_random(&t->cuts, t->cuts.count);
	size_t after = t->mark_records[cuts_random(&t->cuts, t->mark_count)] + 1;
	size_t cut = after + cuts_random(&t->cuts, NEAR_A_MARK);
	return cut < t->cuts.count ? cut : t->cuts.count;
}

static int compare_sizes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

/* In ascending order; the caller frees them. */
static size_t *choose_cuts(struct tape *t, uint64_t count)
{
	size_t *chosen = calloc(count, sizeof(*chosen));
	if (chosen == NULL)
		cuts_die("memory");
	for (uint64_t i = 0; i < count; i++)
		chosen[i] = choose_cut(t, i);
	qsort(chosen, count, sizeof(*chosen), compare_sizes);
	return chosen;
}

static void cut_all(struct powercut *p, uint64_t count)
{
	size_t *chosen = choose_cuts(&p->tape, count);
	for (uint64_t i = 0; i < count; i++) {
		p->told_count = 0;
		add_told(p, &p->tape, chosen[i]);
		try_cut(p, &p->tape, chosen[i], count);
	}
	free(chosen);
}

/* What recovery from this cut writes is in p->again, if it could be recorded. */
static bool record_recovery(struct powercut *p, size_t cut)
{
	enum cut_fate fate = (enum cut_fate)cuts_random(&p->tape.cuts, CUT_FATES);
	cuts_make(&p->tape.cuts, cut, fate);
	p->told_count = 0;
	add_told(p, &p->tape, cut);
	int result = rerecord_start(&p->rerecord, &p->tape.cuts);
	if (result == 0)
		work_apart(p, rerun);
	else
		snprintf(p->complaints, sizeof(p->complaints), "the disk cannot be mounted: %s\n", strerror(-result));
	rerecord_end(&p->rerecord, result == 0);
	if (p->complaints[0] != 0) {
		count_state(p, cut, fate);
		return false;
	}
	cuts_open(&p->again.cuts, p->rerecord.base, p->rerecord.log, p->tape.cuts.folder,
		  cuts_random(&p->tape.cuts, UINT32_MAX));
	read_marks(&p->again);
	p->records += p->again.cuts.count;
	p->marks += p->again.mark_count;
	return true;
}

/* The power goes again while the box recovers, or just after. */
static void cut_recoveries(struct powercut *p, uint64_t count, uint64_t again)
{
	size_t *chosen = choose_cuts(&p->tape, count);
	rerecord_open(&p->rerecord, p->scratch);
	for (uint64_t i = 0; i < count; i++) {
		if (!record_recovery(p, chosen[i]))
			continue;
		size_t told = p->told_count;
		size_t *within = choose_cuts(&p->again, again);
		for (uint64_t k = 0; k < again; k++) {
			p->told_count = told;
			add_told(p, &p->again, within[k]);
			try_cut(p, &p->again, within[k], 0);
		}
		free(within);
		cuts_close(&p->again.cuts);
	}
	free(chosen);
}

/* Where the disk is mounted, for as long as this program runs. */
static const char *mount_point(const struct powercut *p)
{
	static char folder[CONFIG_PATH_BYTES];
	if (p->is_vault)
		return p->vault.config.vault;
	snprintf(folder, sizeof(folder), "%s", p->spool.setup.config.spool);
	return dirname(folder);
}

static void make_scratch(struct powercut *p)
{
	const char *folder = getenv("TMPDIR");
	int n = snprintf(p->scratch, sizeof(p->scratch), "%s/powercut.XXXXXX", folder != NULL ? folder : "/dev/shm");
	if (n < 0 || (size_t)n >= sizeof(p->scratch) || mkdtemp(p->scratch) == NULL)
		cuts_die(p->scratch);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(struct powercut *p, uint64_t count, uint64_t again)
{
	double start = seconds();
	if (again > 0) {
		cut_recoveries(p, count, again);
	} else {
		cut_all(p, count);
		p->records = p->tape.cuts.count;
		p->marks = p->tape.mark_count;
	}
	printf("states %" PRIu64 " bad %" PRIu64 " records %zu marks %zu claims %" PRIu64 " witnesses %" PRIu64
	       " put_back %" PRIu64 " unwitnessed %" PRIu64 " seconds %.1f\n",
	       p->states, p->bad, p->records, p->marks, p->sums->claims, p->sums->witnesses, p->sums->put_back,
	       p->unwitnessed, seconds() - start);
}

int main(int argc, char **argv)
{
	char command[128];
	if ((argc != ARGUMENTS && argc != ARGUMENTS + 1) ||
	    (strcmp(argv[SIDE], "spool") != 0 && strcmp(argv[SIDE], "vault") != 0)) {
		fprintf(stderr, "usage: powercut spool|vault BASE LOG CONFIG KEY|TRUTH COUNT SEED [AGAIN]\n");
		return 2;
	}
	struct powercut *p = calloc(1, sizeof(*p));
	if (p == NULL || suite_start() != 0)
		cuts_die("cannot start");
	/* a copy of a mount in another's namespace would keep the disk of one state for all that follow */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		cuts_die("no mounts of its own");
	make_scratch(p);
	p->is_vault = strcmp(argv[SIDE], "vault") == 0;
	if (p->is_vault)
		load_vault(&p->vault, argv[CONFIG], argv[EXTRA], p->scratch);
	else
		load_spool(&p->spool, argv[CONFIG], argv[EXTRA]);
	cuts_open(&p->tape.cuts, argv[BASE], argv[LOG], mount_point(p), strtoull(argv[SEED], NULL, 10));
	read_marks(&p->tape);
	p->sums = mmap(NULL, sizeof(*p->sums), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->sums == MAP_FAILED)
		cuts_die("memory");
	run(p, strtoull(argv[COUNT], NULL, 10), argc > AGAIN ? strtoull(argv[AGAIN], NULL, 10) : 0);
	snprintf(command, sizeof(command), "rm -r '%s'", p->scratch);
	shell(command);
	return 0;
}
