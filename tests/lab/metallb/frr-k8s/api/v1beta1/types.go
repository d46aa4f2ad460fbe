// Package v1beta1 stands in for the API of FRR-K8s, MetalLB's companion for BGP, which the lab does
// not run: only names and types, as MetalLB's code wants them of whoever compiles it. In layer 2
// mode none of them is ever made; a method that is called after all ends the program.
package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const absent = "the lab's MetalLB is built without FRR-K8s"

// AddToScheme adds nothing: no client asks for these kinds in layer 2 mode.
func AddToScheme(*runtime.Scheme) error { return nil }

type (
	DynamicASNMode string

	SecretReference struct{ Name, Namespace string }

	AllowedOutPrefixes struct{ Prefixes []string }

	LocalPrefPrefixes struct {
		LocalPref uint32
		Prefixes  []string
	}

	CommunityPrefixes struct {
		Community string
		Prefixes  []string
	}

	AsPathPrependPrefixes struct {
		AsPathPrepend uint8
		Prefixes      []string
	}

	Advertise struct {
		Allowed                   AllowedOutPrefixes
		PrefixesWithLocalPref     []LocalPrefPrefixes
		PrefixesWithCommunity     []CommunityPrefixes
		PrefixesWithAsPathPrepend []AsPathPrependPrefixes
	}

	Neighbor struct {
		Address, Interface                   string
		ASN                                  uint32
		DynamicASN                           DynamicASNMode
		Port                                 *uint16
		HoldTime, KeepaliveTime, ConnectTime *metav1.Duration
		BFDProfile, Password                 string
		PasswordSecret                       SecretReference
		EnableGracefulRestart, EBGPMultiHop  bool
		DualStackAddressFamily, DisableMP    bool
		ToAdvertise                          Advertise
	}

	Router struct {
		ASN       uint32
		ID, VRF   string
		Neighbors []Neighbor
		Prefixes  []string
	}

	BFDProfile struct {
		Name                              string
		ReceiveInterval, TransmitInterval *uint32
		DetectMultiplier, EchoInterval    *uint32
		MinimumTTL                        *uint32
		EchoMode, PassiveMode             *bool
	}

	BGPConfig struct {
		Routers     []Router
		BFDProfiles []BFDProfile
	}

	FRRConfigurationSpec struct {
		BGP          BGPConfig
		NodeSelector metav1.LabelSelector
	}

	FRRConfiguration struct {
		metav1.TypeMeta
		metav1.ObjectMeta
		Spec FRRConfigurationSpec
	}
)

func (*FRRConfigurationSpec) DeepCopyInto(*FRRConfigurationSpec) { panic(absent) }

func (*FRRConfiguration) DeepCopy() *FRRConfiguration { panic(absent) }

func (*FRRConfiguration) DeepCopyObject() runtime.Object { panic(absent) }
