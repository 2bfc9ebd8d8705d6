/*
 * acceptance: the sheet that two people sign when a link was tested: whose box, which keys, which NIC; and where to
 * sign.  What was measured stands between, and is the side's own.
 */
#ifndef WEIR_ACCEPTANCE_H
#define WEIR_ACCEPTANCE_H

#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "interface.h"
#include "json.h"
#include "key.h"
#include "linkwatch.h"

enum { ACCEPTANCE_HOST_BYTES = 160 };

struct acceptance {
	enum config_side side;
	struct card box, link;              /* cards of this box's key and of the link secret */
	struct interface interface;
	char address[ADDRESS_BYTES];        /* where the link comes in */
	uint16_t port;
	char host[ACCEPTANCE_HOST_BYTES];   /* name of the machine, kernel, processor */
	char layers[LINKWATCH_TEXT_BYTES];
	uint64_t test_id;                   /* 0: none was heard of */
	uint64_t began_s, ended_s;
};

/*
 * All but test and times.  fd: a socket of the link's namespace; name: its interface, "" when none is known.  0 or as
 * key_load_card; *file is then the key that it is about.
 */
int acceptance_gather(struct acceptance *out, const struct config *config, int fd, const char *name, const char **file);

void acceptance_print_head(const struct acceptance *a, FILE *out);
/* A heading of one part, in two languages. */
void acceptance_print_heading(FILE *out, const char *english, const char *chinese);
/* Two columns of names, dates and signatures. */
void acceptance_print_signatures(FILE *out);
/* The same content of the head. */
void acceptance_set_json(struct json *object, const struct acceptance *a);
/* "00c0ffee00c0ffee" */
enum { TEST_ID_BYTES = 17 };
char *acceptance_test_id(char out[static TEST_ID_BYTES], uint64_t test_id);

/* A rate as it was measured: to three digits. */
enum { ACCEPTANCE_RATE_BYTES = 32 };
char *acceptance_rate(char out[static ACCEPTANCE_RATE_BYTES], uint64_t bits_per_s);

/*
 * Whether a report can be made there once this process has given up its capabilities: 0, -EEXIST, -EACCES when the
 * folder is another user's, or another -errno.
 */
int acceptance_check_path(const char *path);

#endif
