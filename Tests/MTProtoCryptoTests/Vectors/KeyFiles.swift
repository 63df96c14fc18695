// SPDX-License-Identifier: Apache-2.0

/// Keys as OpenSSL 3.0 writes them. None of them protects anything.
enum KeyFiles {
    /// The test key of the RSA_PAD vectors.
    static let privatePKCS1 = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEpQIBAAKCAQEA4Jz1EBKeg3srz4glPAGDniKck/V2+sPOUWnEmu/ogFquqA/p
        nn/HuumV5RdSoOgHDBUvnXJEe/gYv5tDizq7Jpjbx5KL6GgJchlyQi56c46ktKMI
        B5ST+rUTG/vOwIBjEiaC9DbqCWMzFgfYkYwDzV3R1T+APyzx1rEaJVbvZsDGLHCf
        G1bn7z/f/Xk/6j+hXSWFdOBd6JU10oi39MZEV6BMOKa60r7Y5TAmWZpRpFOIYNkm
        hMEX9YGtusYrC6ts+OdhyELauCKTy8f27vowHmE/sOeMCoJyU9su3pkVZp2y4Lr7
        VOwUP/2pmPgZz7Thnm+jCJVRdiPBydw3LNMIpwIDAQABAoIBAQCxWBxCKYFQrNLF
        lGhZvZRPKmLYi+n6Stm+/DTIZH39whu/BHlftOJdWQsKC+UouKq/xoaG2O7rttLL
        jmrBJokYC38UT0f6IxK6LQ9C4/G5BbpUCZlQauZ//7Jr2ODAq14NuayR6D3XVaTD
        U0SSfquN3fLMXcwDlZgI/GJ5cu+o/zeO78EbvKfR7Q+jmXkxtHXYHme3+dEzSuQJ
        v44UBObo6A7OSk21R40UveIb3yfWeT9qWcph0OfZzAF0iBfCTA5zfuu8S6APZYK4
        MF+apsgvJ3x8K3XkaoNEyOHHq/VBp+dx5idB5X/3sJokIdFxk9oUyVQOOtpKlt93
        Fqrs+1gJAoGBAO+YY66sDSeRlJWDnPzSnAAA7VZ2Y9mVhuVYQPRqlbE0M0CGKPLI
        t+czsHZvDdKAl8Af8Mig9atHJuKkrYufslBCzAM2yGX2c3FeOlA2Wkv7EwElNFs0
        4ApUdN21pWkPcujkKDPvvDtMW0H88w+aau56OzeTth1eCuWD9gg/NrB1AoGBAO/9
        9ivcFg8TPe/m3paeC5N8KwtTrAU2QctzUkmk+swsGAbw7Rs9mM4AdqJgZeYhUZzo
        Llzulpp8KODcoVD1wycc5VptIONBWOvt90mvtmcBVXqnEaPcWI8TQKo9LsyYFxul
        +iXVsg1bn+b3E11RCDYTZEVsb+fVa8hSFC7/yTErAoGBAKHMVhyiAWwkKqPhMkWl
        cEWsWppV7s4D5QnB1HN5+salCqtbLhHuLArM5DDGhB4QSuoqZ68Ey4Iz1XWeYbf1
        SzRaN21ANIpuqLz5NgXu/oFq9wWB+15QUa+IIzeJsD9HeID/eorALWwZ/1KLoBR8
        YhPTpWO9s3EXjeI6gA5HqgX1AoGBAI+hyA5R5yXYl04YN4mfR0BapQxfZGmuIkyY
        VVxcD/nYPf0Rfma6Q9SutFHULchAkq68ytq1tI761iBWC3n/zG+BPMcU3wUD3Cs/
        vattLVaSls0UZltSifH/TMlWWsb6E4JpoL+6GJkkCBxcLUvBLo/mpTFjh8oRkjNO
        5GOIlKoHAoGAQi306U2cz5lf5Y0EbNgxYrAXPNMq50jECNmov2MpAEfbTB0Je4Gb
        O6XADWYTiDPWU3dhJnjCmaJ2/S/0S3VjEorNNaD6uY73GsDzwXoZwgYUQ23YhKtY
        DbQUUVZYascHEK4vC72+6ETJ9HqsWtcbaarHTmQubqsGWx7Af9uloF8=
        -----END RSA PRIVATE KEY-----

        """

    /// The same key.
    static let privatePKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQDgnPUQEp6DeyvP
        iCU8AYOeIpyT9Xb6w85RacSa7+iAWq6oD+mef8e66ZXlF1Kg6AcMFS+dckR7+Bi/
        m0OLOrsmmNvHkovoaAlyGXJCLnpzjqS0owgHlJP6tRMb+87AgGMSJoL0NuoJYzMW
        B9iRjAPNXdHVP4A/LPHWsRolVu9mwMYscJ8bVufvP9/9eT/qP6FdJYV04F3olTXS
        iLf0xkRXoEw4prrSvtjlMCZZmlGkU4hg2SaEwRf1ga26xisLq2z452HIQtq4IpPL
        x/bu+jAeYT+w54wKgnJT2y7emRVmnbLguvtU7BQ//amY+BnPtOGeb6MIlVF2I8HJ
        3Dcs0winAgMBAAECggEBALFYHEIpgVCs0sWUaFm9lE8qYtiL6fpK2b78NMhkff3C
        G78EeV+04l1ZCwoL5Si4qr/GhobY7uu20suOasEmiRgLfxRPR/ojErotD0Lj8bkF
        ulQJmVBq5n//smvY4MCrXg25rJHoPddVpMNTRJJ+q43d8sxdzAOVmAj8Ynly76j/
        N47vwRu8p9HtD6OZeTG0ddgeZ7f50TNK5Am/jhQE5ujoDs5KTbVHjRS94hvfJ9Z5
        P2pZymHQ59nMAXSIF8JMDnN+67xLoA9lgrgwX5qmyC8nfHwrdeRqg0TI4cer9UGn
        53HmJ0Hlf/ewmiQh0XGT2hTJVA462kqW33cWquz7WAkCgYEA75hjrqwNJ5GUlYOc
        /NKcAADtVnZj2ZWG5VhA9GqVsTQzQIYo8si35zOwdm8N0oCXwB/wyKD1q0cm4qSt
        i5+yUELMAzbIZfZzcV46UDZaS/sTASU0WzTgClR03bWlaQ9y6OQoM++8O0xbQfzz
        D5pq7no7N5O2HV4K5YP2CD82sHUCgYEA7/32K9wWDxM97+belp4Lk3wrC1OsBTZB
        y3NSSaT6zCwYBvDtGz2YzgB2omBl5iFRnOguXO6Wmnwo4NyhUPXDJxzlWm0g40FY
        6+33Sa+2ZwFVeqcRo9xYjxNAqj0uzJgXG6X6JdWyDVuf5vcTXVEINhNkRWxv59Vr
        yFIULv/JMSsCgYEAocxWHKIBbCQqo+EyRaVwRaxamlXuzgPlCcHUc3n6xqUKq1su
        Ee4sCszkMMaEHhBK6ipnrwTLgjPVdZ5ht/VLNFo3bUA0im6ovPk2Be7+gWr3BYH7
        XlBRr4gjN4mwP0d4gP96isAtbBn/UougFHxiE9OlY72zcReN4jqADkeqBfUCgYEA
        j6HIDlHnJdiXThg3iZ9HQFqlDF9kaa4iTJhVXFwP+dg9/RF+ZrpD1K60UdQtyECS
        rrzK2rW0jvrWIFYLef/Mb4E8xxTfBQPcKz+9q20tVpKWzRRmW1KJ8f9MyVZaxvoT
        gmmgv7oYmSQIHFwtS8Euj+alMWOHyhGSM07kY4iUqgcCgYBCLfTpTZzPmV/ljQRs
        2DFisBc80yrnSMQI2ai/YykAR9tMHQl7gZs7pcANZhOIM9ZTd2EmeMKZonb9L/RL
        dWMSis01oPq5jvcawPPBehnCBhRDbdiEq1gNtBRRVlhqxwcQri8Lvb7oRMn0eqxa
        1xtpqsdOZC5uqwZbHsB/26WgXw==
        -----END PRIVATE KEY-----

        """

    /// Its public half.
    static let publicPKCS1 = """
        -----BEGIN RSA PUBLIC KEY-----
        MIIBCgKCAQEA4Jz1EBKeg3srz4glPAGDniKck/V2+sPOUWnEmu/ogFquqA/pnn/H
        uumV5RdSoOgHDBUvnXJEe/gYv5tDizq7Jpjbx5KL6GgJchlyQi56c46ktKMIB5ST
        +rUTG/vOwIBjEiaC9DbqCWMzFgfYkYwDzV3R1T+APyzx1rEaJVbvZsDGLHCfG1bn
        7z/f/Xk/6j+hXSWFdOBd6JU10oi39MZEV6BMOKa60r7Y5TAmWZpRpFOIYNkmhMEX
        9YGtusYrC6ts+OdhyELauCKTy8f27vowHmE/sOeMCoJyU9su3pkVZp2y4Lr7VOwU
        P/2pmPgZz7Thnm+jCJVRdiPBydw3LNMIpwIDAQAB
        -----END RSA PUBLIC KEY-----

        """

    /// Its public half.
    static let publicSPKI = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4Jz1EBKeg3srz4glPAGD
        niKck/V2+sPOUWnEmu/ogFquqA/pnn/HuumV5RdSoOgHDBUvnXJEe/gYv5tDizq7
        Jpjbx5KL6GgJchlyQi56c46ktKMIB5ST+rUTG/vOwIBjEiaC9DbqCWMzFgfYkYwD
        zV3R1T+APyzx1rEaJVbvZsDGLHCfG1bn7z/f/Xk/6j+hXSWFdOBd6JU10oi39MZE
        V6BMOKa60r7Y5TAmWZpRpFOIYNkmhMEX9YGtusYrC6ts+OdhyELauCKTy8f27vow
        HmE/sOeMCoJyU9su3pkVZp2y4Lr7VOwUP/2pmPgZz7Thnm+jCJVRdiPBydw3LNMI
        pwIDAQAB
        -----END PUBLIC KEY-----

        """

    /// A key on a curve.
    static let ellipticPrivate = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9ipXIKfIoPAZQa7c
        IqcP58FCjmTgs47GPkWaoGPYzQ2hRANCAAQ51dofEClfTh3yK0aY5mbijYkjJFJX
        FDEA8enbzuDmCxGQdE+2D7gKYI5ORoM6q1ZnCj1+2GhHC5+Q5pEmD18L
        -----END PRIVATE KEY-----

        """

    /// A key on a curve.
    static let ellipticPublic = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOdXaHxApX04d8itGmOZm4o2JIyRS
        VxQxAPHp287g5gsRkHRPtg+4CmCOTkaDOqtWZwo9fthoRwufkOaRJg9fCw==
        -----END PUBLIC KEY-----

        """

    /// A key that is too short.
    static let publicWith1024Bits = """
        -----BEGIN RSA PUBLIC KEY-----
        MIGJAoGBALSg9pwqBFcTCItqYf+59sbBZfidoabFKMHBqPHpuwbRK9Oty4pobaiZ
        a34DputgaVO3bWG6wjkxBaLo1jIQYghNci4Wp3SRlZVnMZw9Hj+Igtg2x+27a3L7
        1x9r19Wf6CwO/uoXq/6kQ9wFHFo7J3t4u35g7BHpP3dfpyPYFtRVAgMBAAE=
        -----END RSA PUBLIC KEY-----

        """

    /// A key that is too short.
    static let privateWith1024Bits = """
        -----BEGIN RSA PRIVATE KEY-----
        MIICXgIBAAKBgQC0oPacKgRXEwiLamH/ufbGwWX4naGmxSjBwajx6bsG0SvTrcuK
        aG2omWt+A6brYGlTt21husI5MQWi6NYyEGIITXIuFqd0kZWVZzGcPR4/iILYNsft
        u2ty+9cfa9fVn+gsDv7qF6v+pEPcBRxaOyd7eLt+YOwR6T93X6cj2BbUVQIDAQAB
        AoGBAJ7H6ED6xnnsp1Q2nhL4XC/3jjXwC0vYgK1iGaseNWQWt5oKaqQujEbrJozN
        lQvP4obO9X41d8pih3vfhXrY3/LGW2pxt7dc8Nu6clgUYzY9ZC8/ubVADi62WjMr
        hmpp1czLMlVZ632OiXhvTalnymF0Ik/DkrSFEB/Wq9pXqS/BAkEA2ZRKFHvWghND
        wLgVL+5Wba6mlYn1I19qrL9D0qPATEh2gQHtnk5n8NTvWevQmjsLFrsRQo8tMqEC
        BNFc/gV0LQJBANSGUfCd/iXMK3ks86teBjMEsrpTqSan53oKq82z7ZTSC1lBLSho
        MZATKs47YssYUbXWSGxbKzoBswwYNIYaMckCQQCIfVXbc7Qk9SDTjKb94m2lcKJf
        vKNjBUBODc3mHYNMV0i/tQ3y+QyLL4jWx++cUN2r7L3vGxInaIlzrELBt3ohAkEA
        iFqlt/umVBnqypRMwmZRE+qvwVxr6qFPor21/QS0KgeZwGpQztwK8KVbkXYIrMWt
        pz0UunDECzOL7PaavG+SAQJAEm6K12zIsgzPA8MFHzIpLr1SXfCu600payrAyLJA
        vz/Tq5GRC8VQhtrmtDj5klnjqH5up8QCBW7VKTVoRWgPWw==
        -----END RSA PRIVATE KEY-----

        """

    /// A key behind a password.
    static let encryptedPrivate = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,E25217F3F55C3309D8C9293A0909D01C

        /y8pns/YMSvGEYZv+PfareciZa9tlJX+uP/hMy5hzVmWbHRSJ2mFnagH7gOAhEXb
        7YKergfwO+4r/bonDc4QmQQfnQSKVzQ0GTCmKgP3+ZX86t7F7aQV/Drvk/WqT7BX
        sRgD6CVpxy4Mfjhj5qJ/O8URyiX3a8WrePq2EqCpz8s2frBxAX7hVaAcspwQTeao
        N/cpglDbeqWSLBlgrKVygiSfXFWd4ii+Q+snbyjQayEkJARoRhZQNacBasS96FwE
        r0QZv8Al+HVw5kj97H3fbVFFVDw9UEo3wdaOlq/xpQuTvrnzczOrdrNQnFW2j23J
        r5gF+77xRc1bvoAyiuujMx5YL9oQXnd8MrM+r3vAq0REjjRjVFbzuwfqFhupqM8R
        krt7zdvSoRKZ884IZ/NR132Zq5KZib+TUJuHzJfyOwWRXp4Ew42eqX0wjQHjY9b4
        kq05mw0wPecgrH4DrN22w5cV+R7Ili6uUwJ9GMXv38muTv04FobYCv1xnGXdKpna
        tDT2j/A0uPXVeUhSlmghZUjYBx1iT0GyvPhG2Wy9pceEk7UJXVnjYBjvFGjKb/oR
        tYrcK7sOrPzmDOlMC9H25FOaxEMh+P3uhQj/SMJngFxLwFp+kEQkqxHjJ1v2KfjS
        ASwc9IzkNDyD0xkv2ww4NK1SBmCn/WIIhPT3B+wMnd7HWpyTDZSlxI75MxboNA5M
        tkexvjTi0Z4i6y6o966TIsvCUpLAD5jlyc9a2RMEH1jEz/0a3peoG9xMqX1J5RpF
        qhyIn7TV3EjOKlm6N3C16rSJ0QqJ+YPwYzujwaPw+wcIPCeeexC6K8XXjRV1Zoqk
        DW+rAwSzEFa1jolUYuoRl9cMuer7qo4gvtHLoGlYXgaeA/16KBfgChMBhgFGB6vH
        s/iIBCYtu63P10vI0WoWMZxnbkoltpB8eYm73At/aC2/WMNbq9pYKs5nMJcWOh1w
        mjN+eh8MeENyMB4btc+s1t1I6ctVLf3QtqDBoU4lFDiHuRcjydGlwCr6B6GSzXV1
        VVIBtQaVvRK4bC1wKHvP6FdKwx1hYVpVeJWc38pVdIr0pFEnds798Wk/Gto+u60Q
        n9wUKCpphHMJ+HDTHMC7r6wqiibqgYhgNRVznYsVayMkqbAAca43I47YES/c04wS
        6tKVKqOfhxGAqJHnD+0u1ah7cznBm+YUKYHKc4T7P00/o8obpxp6GBha/VOhho1t
        Kaj2FG36CDTKoq1xLRfEBjeo+zhg7aaiTB8f5OSZj+uNPQY013EFlbxIQoHV6eJl
        SUnoAnoAQnCJxu/Gu24wg+iNWjI5Ieve+S3tVDIo2U9r/bpCI77rK1Sq1rERu3lr
        84I3lz9H4sPmoqfyLVm8ENY7oDgxJ4xTKBZp7eZoYO+UI0/C1EYde+05tKaJyJ/l
        6U2ynIc2RIfyRoIw4UFCEGryzbwiofSdFphVHh71gINgKhkT+O2mpP44sBCPbpvb
        6Vg1N+TR1g7b2YoHh7YvLw7X+C0U/W/vz2MSTHWJfHsuoCldCvNmJp/HMGM9tIhE
        xAS9Rm9YAk4mRFl6OjNaLUQ+vwBO6V9xU1oqy/78op/YWaGeCY2QE8jGgsz6YUmS
        -----END RSA PRIVATE KEY-----

        """
}
