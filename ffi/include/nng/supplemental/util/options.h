/* Parsing of command lines. */
#ifndef NNG_SUPPLEMENTAL_UTIL_OPTIONS_H
#define NNG_SUPPLEMENTAL_UTIL_OPTIONS_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_optspec {
    const char *o_name; /* the long name, or NULL */
    int o_short;        /* the short one, or 0 */
    int o_val;          /* what *VAL becomes; 0 ends the table */
    bool o_arg;         /* does the option take an argument? */
} nng_optspec;

/*
 * Takes one option off the command line. *INDEX starts at 1. Returns 0 with *VAL and, if it takes one, *ARG; -1 at the first word that is no
 * option; NNG_EINVAL for an unknown option, NNG_EAMBIGUOUS for the beginning of several names, NNG_ENOARG if the argument is missing.
 */
NNG_DECL int nng_opts_parse(int argc, char *const *argv, const nng_optspec *opts, int *val, char **arg, int *index);

#ifdef __cplusplus
}
#endif

#endif
