// The reader for replies of a dialect that the operator described.
#pragma once

#include <memory>

#include "config/described_dialect.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/dialect/pointer_tree.hpp"

namespace farebox {

// What a description says of replies, made ready for the readers of many. Thread-safe.
struct DescribedReply {
  explicit DescribedReply(const DescribedDialect& said);

  const DescribedDialect& description;  // must outlive this
  PointerTree members;
  bool names_text = false;
  bool names_end = false;               // a stream's end can be told
};

// `reply` must outlive the reader. Embeddings and rankings have no output.
std::unique_ptr<UsageReader> described_reader(const DescribedReply& reply, Endpoint endpoint);

}  // namespace farebox
