/*
 * inbox: what the commands of weir-inbox share: their command line, the trust that they judge by,
 * and the bundles they are about.  Unlike a module this speaks: functions that say so print what is
 * wrong.
 */
#ifndef WEIR_INBOX_H
#define WEIR_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/command.h"
#include "common/config.h"
#include "common/endorsement.h"
#include "common/json.h"
#include "common/receipt.h"
#include "common/registry.h"
#include "unpack.h"
#include "vault.h"
#include "way.h"

#define INBOX_CONFIG "/etc/weir/receiver.conf"

/* A name escaped, in the middle of a message. */
enum { SHOWN_BYTES = 1024 };

struct inbox_options {
	const char *verb; /* of this command */
	const char *config;
	const char *roots;
	const char *key;
	const char *psk;
	const char *passphrase_file;
	const char *output;
	const char *receipt;
	const char *how;
	const char *person;
	const char *route;
	const char *before;
	const char *count;
	const char *acknowledge;
	bool json;
	const char **members; /* from --member, in the order given */
	size_t member_count;
	char **arguments; /* what is no option, in order */
	int argument_count;
	char **command; /* behind "--", ended by NULL; NULL without one */
};

/* allowed: a acknowledge, P person, t route, b before, n count, R receipt, w how, c config, r roots, k key, p psk, f passphrase-file, m member, o output, j json;
 * x: -- COMMAND COMMAND */
int inbox_parse(struct inbox_options *out, int argc, char **argv, const char *allowed); /* speaks */
void inbox_options_free(struct inbox_options *options);

struct inbox {
	struct config config;
	bool has_config;
	struct roots *roots;
	int vault; /* -1 when it was not asked for */
	/* of inbox_keep.c */
	const char *verb;
	int keep;          /* the connection to weir-keep; -1: none */
	int keep_failure;  /* why there is none where one should be; 0 once it has been said */
	uint64_t records, bytes; /* that came out, for its entry */
};

/* What a command needs beside its options. */
enum inbox_need {
	INBOX_ROOTS = 1, /* from --roots, WEIR_ROOTS or the configuration */
	INBOX_VAULT = 2, /* from the configuration */
};
/* Speaks. */
int inbox_start(struct inbox *out, const struct inbox_options *options, unsigned int needs);
/* Also inbox_conclude. */
void inbox_end(struct inbox *inbox, int code);

/*
 * On the receiving box, where there is a configuration, what a command does is an entry of weir-keep's ledger: begun by
 * inbox_start, ended by inbox_end.  argument NULL: none.
 */
void inbox_announce(struct inbox *inbox, const char *verb, const char *argument);
/* How it ended, by the exit code and the last message.  Says so where there is no keep that could be told. */
void inbox_conclude(struct inbox *inbox, int code);
/*
 * What must not be done without its entry: waits until keep has it on the disk.  card: whose key is used, or NULL.  An
 * exit code; where there is no configuration there is no keep, and nothing to wait for.  Speaks.
 */
int inbox_commit(struct inbox *inbox, const struct card *card);
/* Brings a receipt: 0, or keep's answer (importing.h), or why there is none. */
int inbox_bring_receipt(struct inbox *inbox, const uint8_t *text, size_t len);
/* The same of an order (mandate.h): 0, or custody_take's answer. */
int inbox_bring_mandate(struct inbox *inbox, const uint8_t *bytes, size_t len);
/* command_fail of such a result: with the next step where keep has not answered. */
int inbox_fail_answer(int result, const char *what);
/* A command that is not weir-inbox's own, told of where there is a configuration, as it would be used. */
int inbox_told(int argc, char **argv, int (*run)(int argc, char **argv));
/* True when an argument names a bundle of the vault and no file. */
bool inbox_is_name(const char *argument);
/* What it takes to judge what the argument names: roots, and for a name the vault. */
unsigned int inbox_needs(const char *argument);

/*
 * Closes the table of system calls: nothing that reaches a network, nothing that starts a program;
 * `writing` leaves what makes files and folders.  Speaks.
 */
int inbox_confine(bool writing);

/* A bundle of the vault, or a file. */
struct subject {
	char label[SHOWN_BYTES];      /* escaped */
	char name[BUNDLE_NAME_BYTES]; /* by its release; "" until subject_read */
	char expected[BUNDLE_NAME_BYTES]; /* the name in the vault, "" for a file */
	uint64_t expected_epoch;      /* 0: any */
	int fd;
	struct unpack *unpack;
	struct registry *registry;    /* that it was released under */
	const struct roots *roots;    /* the inbox's, from subject_read on */
	struct registry *carried;     /* by an open bundle, from subject_verify on; else NULL */
	/* With a refusal: what is wrong, where more is known than the verdict. */
	char problem[PROBLEM_BYTES + 32];
	bool is_verified;
};

/* "tax-000123@0123456789abcdef" */
enum { INBOX_NAME_BYTES = BUNDLE_NAME_BYTES + 18 };
/* How a delivered bundle is asked for: with its epoch when another epoch has one of that name. */
void inbox_item_name(char out[static INBOX_NAME_BYTES], const struct vault_item *items,
		     size_t count, size_t index);
/* Its descriptor, or -errno. */
int inbox_open_item(int vault_fd, const struct vault_item *item);

/* The version of the registry that an open bundle's file carries, unjudged; 0 when it cannot be read. */
uint64_t inbox_carried_version(int fd, const struct statement *statement);

/* Opens by argument: "tax-000123", "tax-000123@EPOCH", or a path.  Speaks. */
int subject_open(struct subject *out, struct inbox *inbox, const char *argument);
/* A descriptor that is open already, which the subject takes over. */
void subject_take(struct subject *out, int fd, const char *label);
/*
 * Release and registry: the one that lies behind the object, checked with the roots, and refused
 * with VERDICT_OLDER_REGISTRY when the bundle was sealed under a newer one.
 */
int subject_read(struct subject *subject, const struct inbox *inbox);
/* Both signatures and the tree, and what an open bundle carries.  advance as in unpack_verify. */
int subject_verify(struct subject *subject, void (*advance)(void *context, uint64_t segments_done),
		   void *context);
/* The same with a progress line, for a person.  stop_fd -1: none. */
int subject_verify_watched(struct subject *subject, int stop_fd);
/* Says what is wrong with a subject; gives the exit code. */
int subject_fail(const struct subject *subject, int result);
void subject_close(struct subject *subject);

/* The recipient's key and its pre-shared key, from the options and the environment. */
struct inbox_keys {
	struct key *recipient;
	struct key *psk;
};
int inbox_keys_load(struct inbox_keys *out, const struct inbox_options *options); /* speaks */
int inbox_key_load(struct key **out, const struct inbox_options *options); /* the first alone; speaks */
void inbox_keys_free(struct inbox_keys *keys);
/* Before unlocking: whether the registry knows these keys.  Speaks. */
int inbox_keys_check(const struct inbox_keys *keys, const struct subject *subject);

/* What keep wrote last (vault.h). */
struct inbox_status {
	struct json *document;
	struct json_view view;
};
/* -ENOENT when keep has never run. */
int inbox_status_load(struct inbox_status *out, int vault_fd);
void inbox_status_free(struct inbox_status *status);
/* How much of a bundle's object is here, in tenths of a percent. */
uint64_t inbox_permille(struct json_view bundle);

/* Of the way in, from what keep wrote; all 0 when it has not.  For a person: nothing when all is well. */
struct way inbox_way(struct json_view status);
void inbox_print_way(struct json_view status);
void inbox_add_way(struct json *object, struct json_view status);

/* A receipt on its way: an empty file until it is written. */
struct inbox_receipt {
	int dir; /* -1: there is none */
	int fd;
	char name[256];
	uint8_t *seed; /* in secret memory; NULL: nothing is signed */
	struct receipt receipt;
	bool is_written;
};
/* At path, or with a name of its own beside a file.  Speaks. */
int inbox_receipt_reserve(struct inbox_receipt *out, const char *path, const char *beside);
/* Which bundle, and who signs; where the registry has no receipt key it says so, and none will be written. */
int inbox_receipt_fill(struct inbox_receipt *receipt, const struct subject *subject, const struct key *recipient);
int inbox_receipt_sign_as(struct inbox_receipt *receipt, const struct key *recipient);
/* Writes it when it was filled, and removes it otherwise.  An exit code; speaks. */
int inbox_receipt_end(struct inbox_receipt *receipt);

int inbox_list(int argc, char **argv);
int inbox_destroyed(int argc, char **argv);
int inbox_receipt(int argc, char **argv);
int inbox_show(int argc, char **argv);
int inbox_verify(int argc, char **argv);
int inbox_gaps(int argc, char **argv);
int inbox_heads(int argc, char **argv);
int inbox_copy(int argc, char **argv);
int inbox_open(int argc, char **argv);
int inbox_purge(int argc, char **argv);
/* Of `ledger`: argv[0] is the word behind it. */
int inbox_hold(int argc, char **argv);
int inbox_release(int argc, char **argv);
int inbox_holds(int argc, char **argv);

/*
 * The standing orders that a release names, as it says so itself: "push_order" and "release_order" of an
 * object, null when there is none; or one of them in words, false when there is none.
 */
enum { INBOX_ORDER_BYTES = 1024 };
void inbox_orders_json(struct json *object, const struct endorsements *endorsements);
bool inbox_order_text(char out[static INBOX_ORDER_BYTES], const struct endorsements *endorsements,
		      enum endorsement_type type);

#endif
