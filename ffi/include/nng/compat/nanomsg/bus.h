/* The number of bus. */
#ifndef NNG_COMPAT_BUS_H
#define NNG_COMPAT_BUS_H


#define NN_PROTO_BUS 7
#define NN_BUS (NN_PROTO_BUS * 16 + 0)

#endif
