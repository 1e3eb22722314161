#include "proxy/dialect/usage_filter.hpp"

#include <algorithm>
#include <array>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/octet_scan.hpp"

namespace farebox {
namespace {

constexpr std::string_view kData = "data:";
constexpr std::array<std::string_view, 3> kOtherFields = {"event:", "id:", "retry:"};
constexpr std::string_view kDone = "[DONE]";

}  // namespace

bool UsageChunkProbe::feed(std::string_view octets) {
  const char* at = octets.data();
  const char* end = at + octets.size();
  while (at != end) {
    if (!in_string_) {
      if (!take_outside(*at++)) return false;
      continue;
    }
    const char* start = at;
    if (escape_) {
      escape_ = false;
      ++at;
    } else {
      at = find_string_stop(at, end);
    }
    // Keys as long as the two that matter, with room for one octet more.
    if (expect_ == Expect::key && key_.size() < 8) {
      key_.append(start, std::min<std::size_t>(static_cast<std::size_t>(at - start), 8));
    }
    if (at == end || escape_) continue;
    if (*at == '\\') {
      escape_ = true;
      key_.push_back('\\');
    } else if (*at == '"') {
      in_string_ = false;
      if (expect_ == Expect::key) expect_ = Expect::colon;
    }
    ++at;
  }
  return true;
}

bool UsageChunkProbe::take_outside(char octet) {
  if (is_blank(octet)) return true;
  switch (expect_) {
    case Expect::start:
      expect_ = Expect::key;
      depth_ = 1;
      return octet == '{';
    case Expect::colon:
      expect_ = Expect::value;
      return octet == ':';
    case Expect::empty_choices:
      expect_ = Expect::rest;
      --depth_;
      return octet == ']';
    case Expect::value:
      expect_ = Expect::rest;
      if (key_ == "choices") {
        if (octet != '[') return false;
        expect_ = Expect::empty_choices;
      } else if (key_ == "usage" && octet != '{') {
        return false;
      }
      break;
    case Expect::key:
    case Expect::rest: break;
  }
  switch (octet) {
    case '"':
      in_string_ = true;
      if (expect_ == Expect::key) key_.clear();
      break;
    case '{': case '[': ++depth_; break;
    case '}': case ']':
      if (depth_ == 0) return false;
      --depth_;
      break;
    case ',':
      if (depth_ == 1) expect_ = Expect::key;
      break;
    default: break;
  }
  return true;
}

void UsageFilter::begin_event() {
  data_at_ = data_end_ = probed_ = 0;
  probe_ = UsageChunkProbe();
  field_ = Field::undecided;
  line_at_ = held_.size();
}

// Lets go of everything that is held.
void UsageFilter::release(std::string& out) {
  out.append(held_);
  held_.clear();
  candidate_end_ = 0;
}

void UsageFilter::remove_candidate(std::string& out) {
  held_.erase(0, candidate_end_);
  release(out);
  removed_ = true;
}

void UsageFilter::feed(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    if (removed_) {
      out.append(piece);
      return;
    }
    if (skip_lf_) {
      skip_lf_ = false;
      if (piece.front() == '\n') {
        piece.remove_prefix(1);
        if (held_.empty()) {
          out.push_back('\n');
          continue;
        }
        if (candidate_end_ == held_.size()) ++candidate_end_;
        held_.push_back('\n');
        line_at_ = held_.size();
        continue;
      }
    }
    const char* end = piece.data() + piece.size();
    const char* stop = find_line_end(piece.data(), end);
    const bool complete = stop != end;
    skip_lf_ = complete && *stop == '\r';
    const std::string_view part = piece.substr(
        0, static_cast<std::size_t>(stop - piece.data()) + (complete ? 1 : 0));
    piece.remove_prefix(part.size());
    if (passing_ || passing_line_) {
      out.append(part);
      take_passing(part, complete);
    } else {
      held_.append(part);
      judge(complete, out);
    }
  }
}

void UsageFilter::take_passing(std::string_view part, bool complete) {
  line_has_octets_ = line_has_octets_ || part.size() > (complete ? 1 : 0);
  if (!complete) return;
  if (passing_line_ || !line_has_octets_) {
    passing_ = passing_line_ = false;
    begin_event();
  }
  line_has_octets_ = false;
}

// Decides about the line under way, which held_ ends with.
void UsageFilter::judge(bool complete, std::string& out) {
  const std::size_t line_end = held_.size() - (complete ? 1 : 0);
  const std::string_view line = std::string_view(held_).substr(line_at_, line_end - line_at_);
  if (line.empty()) {
    if (complete) end_event(out);
    return;
  }
  const bool comment = line.front() == ':';
  if (comment && held_.size() == line.size() + (complete ? 1 : 0)) {
    // Nothing else is held: the comment passes, the event behind it is looked at.
    release(out);
    passing_line_ = !complete;
    begin_event();
    return;
  }
  const bool may_be = candidate_end_ > 0 && comment ? true : judge_field(line, complete, out);
  if (removed_) return;
  if (!may_be || held_.size() > kMaxHeld) {
    release(out);
    passing_ = true;
    line_has_octets_ = !complete;
    return;
  }
  if (complete) {
    if (field_ == Field::data) data_end_ = line_end;
    field_ = Field::undecided;
    line_at_ = held_.size();
  }
}

// False: the event can't be the usage chunk.
bool UsageFilter::judge_field(std::string_view line, bool complete, std::string& out) {
  if (line.front() == ':') return false;  // a comment amid the fields
  if (field_ == Field::undecided) {
    const auto is = [line](std::string_view name) { return line.starts_with(name); };
    const auto may_become = [line](std::string_view name) { return name.starts_with(line); };
    if (is(kData)) {
      if (data_at_ != 0) return false;  // a second line of data: never OpenAI's
      field_ = Field::data;
      data_at_ = line_at_ + kData.size();
      probed_ = data_at_;
    } else if (std::any_of(kOtherFields.begin(), kOtherFields.end(), is)) {
      field_ = Field::other;
    } else {
      const bool may_be_field =
          may_become(kData) || std::any_of(kOtherFields.begin(), kOtherFields.end(), may_become);
      return may_be_field && !complete;
    }
  }
  return field_ == Field::other || judge_data(out);
}

bool UsageFilter::judge_data(std::string& out) {
  if (candidate_end_ > 0) {
    std::string_view value = std::string_view(held_).substr(data_at_);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (value.starts_with(kDone)) {
      remove_candidate(out);
      return true;
    }
    if (kDone.starts_with(value)) return true;
    // Another event follows: the candidate was not the last one, and stays.
    const std::size_t shift = candidate_end_;
    out.append(held_, 0, shift);
    held_.erase(0, shift);
    candidate_end_ = 0;
    line_at_ -= shift;
    data_at_ -= shift;
    probed_ -= shift;
  }
  const std::string_view unseen = std::string_view(held_).substr(probed_);
  probed_ = held_.size();
  return probe_.feed(unseen);
}

void UsageFilter::end_event(std::string& out) {
  if (data_at_ != 0 && holds_usage_chunk()) {
    candidate_end_ = held_.size();
  } else if (candidate_end_ == 0 || data_at_ != 0) {
    release(out);
  }
  // Else a blank line or a comment behind a candidate, which still waits.
  begin_event();
}

bool UsageFilter::holds_usage_chunk() const {
  const std::size_t end = data_end_ != 0 ? data_end_ : held_.size();
  JsonCursor cursor(std::string_view(held_).substr(data_at_, end - data_at_));
  bool no_choices = false;
  bool usage = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "choices") {
      bool any = false;
      no_choices = cursor.each_element([&] { any = true; }) && !any;
    } else if (key == "usage") {
      usage = cursor.kind() == JsonCursor::Kind::object;
    }
  });
  return cursor.at_end() && no_choices && usage;
}

void UsageFilter::finish(std::string& out) {
  if (removed_ || held_.empty()) return;
  // The stream may end without [DONE], and its last event without a blank line.
  if (candidate_end_ == 0 && data_at_ != 0 && holds_usage_chunk()) candidate_end_ = held_.size();
  if (candidate_end_ > 0) {
    remove_candidate(out);
  } else {
    release(out);
  }
}

}  // namespace farebox
