/* SPDX-License-Identifier: Apache-2.0 */
#define MATCH match_scalar
#define MATCH_CYLINDERS cylinders_scalar
#include "body.h"
