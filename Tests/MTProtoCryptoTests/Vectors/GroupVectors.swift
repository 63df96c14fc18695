// SPDX-License-Identifier: Apache-2.0

/// Moduli of 2048 bits.
enum GroupVectors {
    /// RFC 3526, group 14: a safe prime.
    static let otherSafePrime = bytes(
        """
        ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74
        020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437
        4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed
        ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05
        98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb
        9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b
        e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718
        3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff
        """
    )

    /// A prime p whose (p - 1) / 2 is composite, p mod 4 = 3.
    static let primeWithCompositeHalf = bytes(
        """
        a2eb82862004beef55bcc3f24d53a5ad5682556c99f62b9a867da6605fc0bc6f
        c1bbb98b07c4f1ff3abcc1746cdd86364ae71e2a377be12ecdcc4cd842b5d62a
        6e73ccf8350ac9f3928716401ac8a3358af3e020e902cf2101c93299eb51d3e6
        3078231e6b94d91f3a5398009144244cbba560a56a760f62fe2bbf6f541eb3d2
        a3197701bd930172d91db812fddcaf8f779f2aa929b55fb7bae9ab89823d39d2
        068875a17978f527eeca519d2ca8e5462627ec70cb09f6984dc1212ad4400500
        55a4d65995420132180243951862efb881303fe4c0a1ad755a9185cd82ab1b59
        dc68caf09b2612e12d58997d8347e36d384d7f1110584a41b4d1907a77cab513
        """
    )

    /// A composite n whose (n - 1) / 2 is prime.
    static let compositeWithPrimeHalf = bytes(
        """
        ab121d22e8355b340816589ec1456b05efba5d205a7ba93fa75ccf7a0463b857
        641e633d5890f0fe4e718c71b4d2239153d7fd85088dfd5ea2df403be1bd07c7
        4228b508bbeb0a0741a297b8ab5d584b3c58cb4cfb9c698c50fea5a0b3d23c74
        915177049fa2c8b23073f49e031b77949496045a6ece9f99136e832cbb84ab65
        4f40f357f7a4e5bc61af9a3af61af28a34219fa1d07da6d9c0bd1c32f12dc4e9
        7ceb5516a202e113ea66014a89af182d44f15c2850d9a07f041bb06d739b1a9d
        74213fd49eeee7f8e44f15d4e6098edf0bfa70cb3f42a18d3302823192ed5c94
        ee9617e90742edd33fd0d85aa63f84f9674e19fd862b4835503b021f74dab18b
        """
    )
}
