/*
 * boxsetup: `weir-sender setup` and `weir-receiver setup`: asks what it must, shows what it will write, writes the files of
 * one box, makes its keys.
 *
 * Nothing that is there is lost: keys are never replaced, and of a file that changes the old one is kept beside it.
 */
#ifndef WEIR_BOXSETUP_H
#define WEIR_BOXSETUP_H

#include "config.h"

/* The files of systemd/ as they are shipped. */
struct boxsetup_shipped {
	const char *conf, *link, *network;
};

/* `check` of this box, as a command: argv is "check", "--config" and a path. */
typedef int boxsetup_check(int argc, char **argv);

/*
 * Gives an exit code; says what failed.  When this machine has its files now, ends in check, which says what is left to do and
 * is not what the exit code is of.
 */
int boxsetup(enum config_side side, const struct boxsetup_shipped *shipped, boxsetup_check *check, int argc, char **argv);

#define BOXSETUP_SYNOPSIS "[--answers FILE] [--yes | --show] [--root DIR]"
#define BOXSETUP_SUMMARY "ask what must be known of this box, and write its files and keys"
#define BOXSETUP_HELP \
	"Asks on the terminal what it must, or takes it from FILE; shows the files that it will write, and\n" \
	"writes them when you say so; makes the keys of the box where there are none; then checks.  Answers\n" \
	"are kept in /etc/weir/answers: asked again, it offers them, and the file serves the other box, too.\n" \
	"\n" \
	"  --answers FILE  take answers from here; what is not in it is asked, or has its default\n" \
	"  --yes           write without asking whether to\n" \
	"  --show          show only\n" \
	"  --root DIR      write below DIR, as for an image; nothing is checked then\n"

#endif
