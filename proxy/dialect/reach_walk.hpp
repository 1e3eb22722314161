// ReachWalk: reads into a BodyReach and a SaidScope what the top-level members of a request
// say beyond model, stream and maxima, which BodyWalk knows.
#pragma once

#include <string>
#include <string_view>

#include "proxy/dialect/body_reach.hpp"
#include "proxy/dialect/content_scan.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

class ReachWalk {
 public:
  ReachWalk(const Route& route, JsonCursor& cursor, BodyFacts& facts);

  // The member whose value stands at the cursor. Values that say nothing here are left alone.
  void read(std::string_view key);

  // The same for the members of Gemini's generationConfig: modalities, thinking. False: it
  // says nothing of the kind.
  bool read_output(std::string_view key);

  // Once all members were read: what the provider's template and prompt add.
  void finish();

  // A metadata key that came twice; empty: none did.
  const std::string& repeated() const { return repeated_; }

 private:
  bool read_reference(std::string_view key);
  bool read_tools(std::string_view key);
  bool read_scope(std::string_view key);
  bool read_inputs(std::string_view key);
  void read_metadata();
  void read_thinking();
  void read_prediction();
  void read_modalities();
  void read_tool_config();
  void read_context_management();
  void read_said(std::string& to);

  const Route& route_;
  JsonCursor& cursor_;
  BodyFacts& facts_;
  BodyReach& reach_;
  Parts parts_;
  std::string repeated_;
};

}  // namespace farebox
