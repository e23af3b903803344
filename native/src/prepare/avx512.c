/* SPDX-License-Identifier: Apache-2.0 */
#define PREPARE prepare_avx512
#include "body.h"
