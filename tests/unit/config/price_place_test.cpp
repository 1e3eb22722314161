#include "config/price_place.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

TEST(PricePlace, IsWhatTheHostOrTheTargetSays) {
  const struct {
    const char* base_url;
    const char* target;
    const char* place;
    const char* said = "";
  } rows[] = {
      {"https://api.openai.com", "/v1/chat/completions", ""},
      {"https://eu.api.openai.com", "/v1/chat/completions", "eu"},
      {"https://us.api.openai.com:443/v1", "/chat/completions", "us"},
      {"https://api.openai.com", "/v1/chat/completions", "eu", "eu"},
      {"https://eu.api.openai.com", "/", "global", "global"},
      {"https://us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/us-east5/x",
       "us-east5"},
      {"https://aiplatform.googleapis.com", "/v1/projects/p/locations/global/publishers/x",
       "global"},
      {"https://aiplatform.googleapis.com", "/v1/publishers/google/models/x", ""},
      {"https://bedrock-runtime.us-west-2.amazonaws.com", "/model/x/converse", "us-west-2"},
      {"https://bedrock-mantle.eu-west-1.api.aws", "/v1/responses", "eu-west-1"},
      {"https://acme.openai.azure.com", "/openai/deployments/x", ""},
      {"https://acme.openai.azure.com", "/openai/deployments/x", "us", "us"},
      {"http://127.0.0.1:8000/v1", "/locations/x/", ""},
      {"", "", ""},
      {"https://bedrock-", "", ""},
      {"https://evil-api.openai.com.example", "", ""},
  };
  for (const auto& row : rows) {
    ProviderSettings provider;
    provider.base_url = row.base_url;
    provider.data_residency = row.said;
    EXPECT_EQ(price_place(provider, row.target), row.place) << row.base_url << " " << row.target;
  }
}

}  // namespace
}  // namespace farebox
