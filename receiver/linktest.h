/*
 * linktest: `weir-receiver link-test`.
 */
#ifndef WEIR_LINKTEST_H
#define WEIR_LINKTEST_H

#define LINKTEST_SYNOPSIS "--config FILE [OPTION…]"
extern const char linktest_help[];

/* The command; an exit code. */
int linktest(int argc, char **argv);

#endif
