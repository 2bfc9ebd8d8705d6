/*
 * registrar: sees to it that the registry in use crosses the link by itself, as an open bundle (BUNDLE.md 9).
 *
 * One such bundle at a time is kept in the spool, that of the registry in use; it passes again twice a minute, for
 * receivers that were down.  Older ones go when it is released.  What is there already is known by the digest of the text, which its statement signs.
 */
#ifndef WEIR_SENDER_REGISTRAR_H
#define WEIR_SENDER_REGISTRAR_H

#include "releaser.h"

/*
 * At the start, after each load of a registry, and every few seconds, since it may not have been possible before.
 * What hinders is told of as an event when it changes, and tried again.
 */
void registrar_follow(struct releaser *releaser);

#endif
