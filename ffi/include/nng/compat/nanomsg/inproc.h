/* The level of options of inproc. */
#ifndef NNG_COMPAT_INPROC_H
#define NNG_COMPAT_INPROC_H


#define NN_INPROC (-1)

#endif
