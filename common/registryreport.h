/*
 * registryreport: what 'registry check' and 'registry show' print, on standard output.
 */
#ifndef WEIR_REGISTRYREPORT_H
#define WEIR_REGISTRYREPORT_H

#include "registry.h"

/* Two lines and one for each thing that is not in force or will soon not be.  shown is escaped. */
void report_summary(const struct registry *registry, const char *shown, uint64_t now);
/* Everything, in words. */
void report_table(const struct registry *registry, uint64_t now);
/* Everything, as JSON: 0 or as json_print. */
int report_json(const struct registry *registry, uint64_t now);

#endif
