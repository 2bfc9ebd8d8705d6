/*
 * openbundle: a bundle whose body is not sealed, since it is for the boxes themselves: the registry on its
 * way across the link.  Format: BUNDLE.md 9.
 *
 * Route and route id are reserved; no registry can name them.
 */
#ifndef WEIR_OPENBUNDLE_H
#define WEIR_OPENBUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "registry.h"

#define OPEN_ROUTE "registry"
enum { OPEN_ROUTE_ID = 65535, OPEN_HEAD_BYTES = 24, OPEN_TEXT_MAX = REGISTRY_BYTES_MAX };

enum open_kind { OPEN_REGISTRY = 1 };

/* By its route. */
bool open_is(const struct statement *statement);
/* The name of a route by its number on the link, the reserved one too; NULL when there is none. */
const char *open_route_name(const struct registry *registry, uint16_t route_id);
/* The reverse; 0 when the registry has no such route. */
uint16_t open_route_id(const struct registry *registry, const char *route);

/*
 * Makes the body, for the caller to free, and fills what of the statement follows from it: route, segments,
 * root, manifest digest.  len is 1 to OPEN_TEXT_MAX.  -ENOMEM.
 */
int open_make(uint8_t **body, size_t *body_len, struct statement *statement, enum open_kind kind,
	      const uint8_t *text, size_t len);
/* What the statement signs in place of a manifest digest. */
void open_digest(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *text, size_t len);

/* What must hold of the statement of an open bundle beside its signature: BUNDLE.md 9. */
int open_check_statement(const struct statement *statement);

/*
 * The text of a body of body_len bytes whose root has been checked: a view, and every reject rule.
 * open_read reads it from an object's file, for the caller to free, with a zero byte behind it that is not
 * counted; -errno.
 */
int open_decode(const uint8_t **text, size_t *len, const uint8_t *body, size_t body_len,
		const struct statement *statement);
int open_read(uint8_t **text, size_t *len, int fd, const struct statement *statement);

#endif
