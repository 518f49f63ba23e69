/* What the examples have in common. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include <nng/nng.h>

/* Ends the program if something failed. */
static inline void check(int rv, const char *what)
{
    if (rv != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
        exit(1);
    }
}

#endif
