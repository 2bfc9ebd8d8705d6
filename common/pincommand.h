/*
 * pincommand: `registry pin`: from a person's certificate to the section of the registry that pins its key.
 *
 * The chain is checked here and never again: what counts from then on is that root keys sign the registry.
 */
#ifndef WEIR_PINCOMMAND_H
#define WEIR_PINCOMMAND_H

/* argv[0] is "pin". */
int pin_command(int argc, char **argv);

#endif
