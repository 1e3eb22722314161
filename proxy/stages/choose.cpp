// choose: which provider serves the call now. Routes plug in here.
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

Result<Target> choose(const Call& call) { return Target{call.provider}; }

}  // namespace farebox::stages
