// SPDX-License-Identifier: Apache-2.0
// Seven tokens as they are met on chains, and contracts that pay. For tests only.
// Compiled by compile.js into tokens.json, which is committed.
pragma solidity ^0.8.28;

contract Base {
    event Transfer(address indexed from, address indexed to, uint256 value);
    mapping(address => uint256) public balanceOf;
    uint8 public constant decimals = 6;

    constructor() {
        balanceOf[msg.sender] = 10 ** 30;
        emit Transfer(address(0), msg.sender, 10 ** 30);
    }

    function move(address to, uint256 amount) internal {
        require(balanceOf[msg.sender] >= amount, "not enough");
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        emit Transfer(msg.sender, to, amount);
    }
}

// As the standard says.
contract Honest is Base {
    function transfer(address to, uint256 amount) external returns (bool) {
        move(to, amount);
        return true;
    }
}

// Answers nothing, as USDT does.
contract Silent is Base {
    function transfer(address to, uint256 amount) external {
        move(to, amount);
    }
}

// Keeps one part in a hundred; two events.
contract Taxed is Base {
    function transfer(address to, uint256 amount) external returns (bool) {
        uint256 fee = amount / 100;
        move(to, amount - fee);
        move(address(0xfee), fee);
        return true;
    }
}

// Keeps one part in a hundred, and says nothing of it.
contract Skimming is Base {
    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount - amount / 100;
        emit Transfer(msg.sender, to, amount);
        return true;
    }
}

// Moves nothing and answers false.
contract Refusing is Base {
    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }
}

// Says that it has moved what it has not.
contract Lying is Base {
    function transfer(address to, uint256 amount) external returns (bool) {
        emit Transfer(msg.sender, to, amount);
        return true;
    }
}

// Reverts for whom it does not like.
contract Blocking is Base {
    mapping(address => bool) public blocked;

    function block_(address who) external {
        blocked[who] = true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        require(!blocked[to], "blocked");
        move(to, amount);
        return true;
    }
}

// Looks like a token from outside: an ERC-721's event, one with odd data, one with too few topics.
contract Noise {
    event Transfer(address indexed from, address indexed to, uint256 indexed id);

    function make(address to) external {
        emit Transfer(msg.sender, to, 7);
        bytes32 topic = keccak256("Transfer(address,address,uint256)");
        bytes32 from = bytes32(uint256(uint160(msg.sender)));
        bytes32 target = bytes32(uint256(uint160(to)));
        assembly {
            log3(0, 64, topic, from, target)
            log3(0, 0, topic, from, target)
            log2(0, 32, topic, target)
        }
    }

    // Not 32 bytes.
    function balanceOf(address) external pure returns (uint256, uint256) {
        return (1, 2);
    }
}

// Is gone with all it has.
contract Last {
    constructor() payable {}

    function end(address payable to) external {
        selfdestruct(to);
    }
}

// Pays in all the ways a contract can.
contract Payer {
    receive() external payable {}

    function pay(address payable to, uint256 amount) public payable {
        (bool done, ) = to.call{value: amount}("");
        require(done);
    }

    // What this pays is taken back, and the transaction goes on.
    function payAndRevert(address payable to, uint256 amount) external {
        pay(to, amount);
        revert("taken back");
    }

    function all(address payable to) external payable {
        pay(to, 1);
        sha256("a function of the EVM, not a call");
        pay(to, 2);
        this.payThrough(to, 3);
        try this.payAndRevert(to, 1000) {} catch {}
        try this.failBelow(to) {} catch {}
        (bool done, ) = address(this).delegatecall(abi.encodeCall(this.payThrough, (to, 4)));
        require(done);
        Last last = new Last{value: 5}();
        last.end(to);
    }

    function payThrough(address payable to, uint256 amount) external payable {
        pay(to, amount);
    }

    function failBelow(address payable to) external {
        this.payThrough(to, 2000);
        assembly {
            invalid()
        }
    }

    // Calls within calls, and pays at the bottom.
    function deep(address payable to, uint256 calls) external {
        if (calls == 0) pay(to, 6);
        else this.deep(to, calls - 1);
    }

    // As many of the cheapest logs as there is gas for.
    function logs(uint256 count) external {
        for (uint256 i = 0; i < count; i++) {
            assembly {
                log0(0, 0)
            }
        }
    }
}
