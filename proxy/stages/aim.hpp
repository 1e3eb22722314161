// Aim: a call is made to ask one provider for one model, whatever it asked before.
#pragma once

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// For the place of the call's plan that it is on, from what the client asked. False, and nothing
// has changed: the path or the body can't say it.
bool aim_at_leg(ClientConnection& client, Call& call);

// To be called before the body is changed: a call that may go elsewhere takes the client's own.
void keep_asked(Call& call);

}  // namespace farebox::stages
