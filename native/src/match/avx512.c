/* SPDX-License-Identifier: Apache-2.0 */
#define MATCH match_avx512
#define MATCH_CYLINDERS cylinders_avx512
#include "body.h"
