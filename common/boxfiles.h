/*
 * boxfiles: the files of one box, made of what a person answered (boxsetup.h).
 */
#ifndef WEIR_BOXFILES_H
#define WEIR_BOXFILES_H

#include "boxsetup.h"
#include "niclist.h"
#include "questions.h"
#include "siteplan.h"

#define BOXFILES_ANSWERS "/etc/weir/answers"
#define BOXFILES_KEYS "/etc/weir/keys"
#define BOXFILES_NIC "weir0"

/* One answer each; boxfiles_questions has them in this order. */
enum boxfiles_answer {
	BOXFILES_SENDER_NAME,
	BOXFILES_RECEIVER_NAME,
	BOXFILES_SENDER_NIC,
	BOXFILES_RECEIVER_NIC,
	BOXFILES_SENDER_ADDRESS,
	BOXFILES_RECEIVER_ADDRESS,
	BOXFILES_MTU,
	BOXFILES_RATE,
	BOXFILES_SENDER_FOLDER,
	BOXFILES_RECEIVER_FOLDER,
	BOXFILES_ANSWERS_END
};

extern const struct question boxfiles_questions[BOXFILES_ANSWERS_END];

/* Whether this box needs to know it. */
bool boxfiles_asks(enum config_side side, enum boxfiles_answer answer);

/* The length of the prefix of a network that has both addresses as hosts, at most 30; 0 when there is none. */
unsigned int boxfiles_prefix(const char *one, const char *other);

/*
 * Adds the files of this side to the plan.  nic is that of the answer.  0, or as siteplan_add; -EINVAL when the addresses
 * have no network in common.
 */
int boxfiles_plan(struct siteplan *plan, enum config_side side, const struct boxsetup_shipped *shipped,
		  const struct answer *answers, const struct niclist_nic *nic);

#endif
