// OpenAI's Responses API: whole and streamed, and its token counting.
#pragma once

#include "tests/mock/reply.hpp"

namespace farebox::mock {

bool responses_reply(const Ask& ask, Reply& reply);

}  // namespace farebox::mock
