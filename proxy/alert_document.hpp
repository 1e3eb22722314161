// An alert as the program keeps it: what was told, to whom it still has to go, who has seen it.
// It is one document of the store, JSON with the names of the API, so that a crash finds the
// alert with its deliveries or neither.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/base/result.hpp"
#include "policy/alert_book.hpp"
#include "policy/alert_queue.hpp"

namespace farebox {

class JsonWriter;

struct AlertSend {
  enum class State : std::uint8_t { waiting, delivered, undeliverable, dropped };
  AlertDelivery delivery;  // its alert is this one
  State state = State::waiting;
  std::string error;       // of the last attempt
};

struct Acknowledgement {
  std::string by, note;
  WallTime at{};
};

struct StoredAlert {
  std::string id;
  AlertBook::Change change;     // what fired
  Window window;                // of a budget; its end may be WallTime::max()
  std::string budget_id;        // of a budget, as commands call it
  AlertScope scope;
  std::optional<Money> limit, spent;
  std::string title, text;
  WallTime fired{};
  std::optional<WallTime> ended;
  std::optional<Acknowledgement> acknowledged;
  std::vector<AlertSend> sends;

  bool has_window() const { return window.end != WallTime{}; }
};

// The members of what happened, into an open object. Of `resolved` its state is that word.
void append_alert_facts(JsonWriter& json, const StoredAlert& alert,
                        AlertNews news = AlertNews::fired);

// As GET /api/alerts says it and as it is kept: with its deliveries and who has seen it.
void append_alert(JsonWriter& json, const StoredAlert& alert);

// Error: ledger_damaged, of a document nobody could have written.
Result<StoredAlert> read_alert(std::string_view json);

std::string_view name_of(AlertSend::State state);

}  // namespace farebox
