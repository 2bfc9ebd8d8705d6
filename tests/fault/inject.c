/*
 * inject PAGE COMMAND: what is to happen to programs that run with fault.so and FAULT_PAGE=PAGE (tests/lib/fault.h).
 *
 *   new                              makes the page
 *   arm PROGRAM CALL N ACTION [on]   from now on; ACTION is count, die-before, die-after, short or EIO, ENOSPC, …;
 *                                    on: and every call from then on
 *   cure                             nothing more
 *   fired                            how often
 *   counts PROGRAM                   "CALL N" lines since it was armed
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/fault.h"

static int fail(const char *what)
{
	fprintf(stderr, "inject: %s\n", what);
	return 2;
}

static int error_of(const char *name)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS, EMFILE, ENFILE, EINTR, ENOMEM};
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(strerrorname_np(errors[i]), name) == 0)
			return errors[i];
	return 0;
}

static int parse_action(struct fault_plan *plan, const char *name)
{
	static const char *const names[] = {"count", "die-before", "die-after", "", "short"};
	plan->error = error_of(name);
	plan->action = FAULT_ERROR;
	for (enum fault_action a = FAULT_NOTHING; plan->error == 0 && a <= FAULT_SHORT; a++)
		if (strcmp(names[a], name) == 0) {
			plan->action = a;
			return 0;
		}
	return plan->error == 0 ? -EINVAL : 0;
}

static int arm(struct fault_page *page, int argc, char **argv)
{
	struct fault_plan plan = {0};
	if (argc < 4 || strlen(argv[0]) >= FAULT_PROGRAM_BYTES || parse_action(&plan, argv[3]) != 0)
		return fail("arm PROGRAM CALL N ACTION [on]");
	plan.call = fault_call_from_name(argv[1]);
	if (plan.call == FAULT_CALL_END && strcmp(argv[1], "any") != 0)
		return fail("there is no such call");
	plan.nth = (uint32_t)atoi(argv[2]);
	plan.for_ever = argc > 4;
	fault_disarm(page);
	memset(page->program, 0, sizeof(page->program));
	memcpy(page->program, argv[0], strlen(argv[0]));
	fault_arm(page, &plan, 1);
	return 0;
}

static int print_counts(const struct fault_page *page, const char *program)
{
	for (size_t slot = 0; slot < FAULT_PROGRAMS_MAX; slot++)
		for (enum fault_call call = 0; call < FAULT_CALL_END; call++)
			if (strcmp(page->names[slot], program) == 0 && page->counts[slot][call] > 0)
				printf("%s %u\n", fault_call_name(call), page->counts[slot][call]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return fail("PAGE COMMAND");
	bool is_new = strcmp(argv[2], "new") == 0;
	int fd = open(argv[1], O_RDWR | O_CLOEXEC | (is_new ? O_CREAT | O_TRUNC : 0), 0666);
	if (fd < 0 || (is_new && ftruncate(fd, sizeof(struct fault_page)) < 0))
		return fail("the page cannot be opened");
	struct fault_page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return fail("the page cannot be mapped");
	if (is_new)
		return 0;
	if (strcmp(argv[2], "arm") == 0)
		return arm(page, argc - 3, argv + 3);
	if (strcmp(argv[2], "counts") == 0 && argc == 4)
		return print_counts(page, argv[3]);
	if (strcmp(argv[2], "fired") == 0)
		return printf("%u\n", fault_fired(page, 0)) < 0;
	if (strcmp(argv[2], "cure") != 0)
		return fail("there is no such command");
	fault_disarm(page);
	return 0;
}
