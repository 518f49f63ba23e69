/* The level and the options of tcp. */
#ifndef NNG_COMPAT_TCP_H
#define NNG_COMPAT_TCP_H


#define NN_TCP (-3)
#define NN_TCP_NODELAY 1

#endif
