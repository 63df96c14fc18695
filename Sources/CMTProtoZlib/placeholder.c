#include "CMTProtoZlib.h"
