/*
 * untabled: for LD_PRELOAD, where a tool that has calls of its own runs a program: no table of system calls is made.
 * Valgrind, for one, makes memory executable all the time, and its kernel knows no seccomp.
 */
#include <stdint.h>

void *seccomp_init(uint32_t action);
int seccomp_attr_set(void *filter, int attribute, uint32_t value);
int seccomp_rule_add(void *filter, uint32_t action, int call, unsigned int count, ...);
int seccomp_load(const void *filter);
void seccomp_release(void *filter);

void *seccomp_init(uint32_t action)
{
	static uint32_t table;
	table = action;
	return &table;
}

int seccomp_attr_set(void *filter, int attribute, uint32_t value)
{
	(void)filter, (void)attribute, (void)value;
	return 0;
}

int seccomp_rule_add(void *filter, uint32_t action, int call, unsigned int count, ...)
{
	(void)filter, (void)action, (void)call, (void)count;
	return 0;
}

int seccomp_load(const void *filter)
{
	(void)filter;
	return 0;
}

void seccomp_release(void *filter)
{
	(void)filter;
}
