#include "storage/record_facts.hpp"

namespace farebox {

RecordFacts facts_of(const Record& record) {
  RecordFacts facts;
  facts.sequence = record.sequence;
  facts.time = record.time;
  facts.hold = record.hold;
  facts.request_id = record.request_id;
  facts.provider = record.provider;
  facts.endpoint = record.endpoint;
  facts.model = record.model;
  facts.key_name = record.key_name;
  facts.org = record.org;
  facts.project = record.project;
  facts.user = record.user;
  facts.outcome = record.outcome;
  facts.priced = record.priced;
  facts.metered = record.metered;
  facts.correction = record.corrects != 0;
  facts.audit = !record.audit.empty();
  facts.input = record.usage.input;
  facts.output = record.usage.output;
  facts.cached_input = record.usage.cached_input;
  facts.cache_write = record.usage.cache_write;
  facts.reasoning = record.usage.reasoning;
  facts.cost = record.cost;
  return facts;
}

}  // namespace farebox
