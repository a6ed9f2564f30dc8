/* The mixture as C++, in the place of engine.c, engine_v3.c and dispatch.c, for compilers without
 * vectors of their own: lanes_class.h. */
#include "lanes.h"

#define restrict __restrict
#include "engine.c"

#include "dispatch.c"
