// Makes tokens.json of tokens.sol: node tests/support/evm/compile.js (behind npm ci).
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const source = fs.readFileSync(path.join(__dirname, "tokens.sol"), "utf8");
const answer = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { "tokens.sol": { content: source } },
      settings: {
        evmVersion: "cancun",
        optimizer: { enabled: true, runs: 200 },
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
      },
    }),
  ),
);
const errors = (answer.errors || []).filter((e) => e.severity === "error");
if (errors.length) {
  console.error(errors.map((e) => e.formattedMessage).join("\n"));
  process.exit(1);
}
const made = {};
for (const [name, contract] of Object.entries(answer.contracts["tokens.sol"])) {
  made[name] = { abi: contract.abi, bytecode: "0x" + contract.evm.bytecode.object };
}
const text = JSON.stringify({ compiler: solc.version(), contracts: made }, null, 1);
fs.writeFileSync(path.join(__dirname, "tokens.json"), text + "\n");
